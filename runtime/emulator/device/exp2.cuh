// 2^x, to the bit as the hardware computes it. The unit has a table of 64 parts of [0, 1), in each a
// polynomial of second degree, and a square that leaves out the low columns (Oberman and Siu, "A
// High-Performance Area-Efficient Multifunction Interpolator", ARITH 2005). All numbers here follow from the
// results of ex2.approx of an H200 for the 2^23 fractions, and give every one of these.
#pragma once

namespace warpfinch::emulator {

struct Parabola {
  int at_0;   // of 26 bits: the value at the start of the part, in units of 2^-25
  int slope;  // of 16 bits: times the argument, in units of 2^-38
  int curve;  // of 10 bits: times `truncated_square` of the argument, in units of 2^-38
};
// static, for an inline variable would keep every kernel loaded for ever (STB_GNU_UNIQUE).
static constexpr Parabola kExp2Parts[64] = {
    {33554432, 22713, 494}, {33919815, 22960, 501}, {34289179, 23210, 506}, {34662562, 23463, 511},
    {35040015, 23718, 518}, {35421574, 23977, 521}, {35807289, 24238, 527}, {36197206, 24502, 532},
    {36591369, 24768, 541}, {36989822, 25038, 546}, {37392613, 25311, 551}, {37799794, 25586, 559},
    {38211406, 25865, 564}, {38627501, 26147, 568}, {39048128, 26431, 577}, {39473334, 26719, 583},
    {39903170, 27010, 589}, {40337687, 27304, 596}, {40776934, 27602, 600}, {41220967, 27902, 609},
    {41669833, 28206, 615}, {42123589, 28513, 622}, {42582283, 28824, 627}, {43045974, 29138, 633},
    {43514714, 29455, 641}, {43988558, 29776, 647}, {44467562, 30100, 655}, {44951783, 30428, 661},
    {45441275, 30759, 670}, {45936098, 31094, 677}, {46436311, 31432, 686}, {46941968, 31775, 691},
    {47453132, 32121, 699}, {47969864, 32471, 705}, {48492222, 32824, 715}, {49020266, 33182, 721},
    {49554062, 33543, 730}, {50093671, 33908, 739}, {50639156, 34277, 748}, {51190579, 34651, 753},
    {51748008, 35028, 763}, {52311507, 35409, 773}, {52881143, 35795, 779}, {53456980, 36185, 787},
    {54039088, 36579, 796}, {54627535, 36977, 806}, {55222390, 37380, 813}, {55823722, 37787, 822},
    {56431604, 38198, 833}, {57046103, 38614, 842}, {57667294, 39035, 849}, {58295251, 39460, 858},
    {58930045, 39889, 870}, {59571751, 40324, 877}, {60220444, 40763, 887}, {60876202, 41207, 896},
    {61539101, 41655, 909}, {62209217, 42109, 917}, {62886631, 42568, 925}, {63571421, 43031, 938},
    {64263669, 43500, 946}, {64963455, 43973, 959}, {65670860, 44452, 969}, {66385969, 44936, 980},
};

// The square of 17 bits, in units of 2^19: a sum of 2^(2 i) for each bit i, and of 2^(i + j + 1) for each
// pair of bits i > j, that are set; summands below the unit are left out.
inline int truncated_square(int argument) {
  int square = 0;
  for (int bit = 10; bit < 17; ++bit) {
    const int below = argument & ((1 << bit) - 1);
    square += (argument >> bit & 1) * ((below >> (18 - bit)) + (1 << (2 * bit - 19)));
  }
  return square;
}

// The argument is cut to 23 bits behind the point. Of a negative one the magnitude is, and the ones'
// complement of what is left is taken, unless that is a whole number (measured: all of [-1/2, 0] and
// [-3/2, -1], and a million between -128 and 128).
inline float exp2_of(float x) {
  constexpr int kBits = 23, kPartBits = 17;
  if (x != x) return x;
  if (x >= 128.0f) return __builtin_inff();
  if (x < -126.0f) return 0.0f;
  int fixed = static_cast<int>(x * (1 << kBits));
  if (x < 0.0f && fixed % (1 << kBits) != 0) --fixed;
  const int fraction = fixed & ((1 << kBits) - 1), whole = fixed >> kBits;
  const Parabola part = kExp2Parts[fraction >> kPartBits];
  const int argument = fraction & ((1 << kPartBits) - 1);
  // In units of 2^-38. The constant makes up for what is left out of the square, and for the cut to 23 bits.
  constexpr long long kRounding = 30690;
  const long long sum = (static_cast<long long>(part.at_0) << 13) +
                        part.slope * static_cast<long long>(argument) +
                        part.curve * truncated_square(argument) + kRounding;
  return __builtin_bit_cast(float, ((whole + 126) << kBits) + static_cast<int>(sum >> 15));
}

}  // namespace warpfinch::emulator
