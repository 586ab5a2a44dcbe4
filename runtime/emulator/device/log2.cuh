// log2(x), to the bit as the hardware computes it: the unit of exp2.cuh with another table. All numbers here
// follow from the results of lg2.approx of an H200 for the 2^23 arguments in [1, 2); what is done with the
// exponent was found on a million others, and gives all of these, too.
#pragma once

namespace warpfinch::emulator {

// Of log2(1 + fraction): at_0 in units of 2^-26, slope and curve times the argument and its square in 2^-38.
static constexpr Parabola kLog2Parts[64] = {
    {7, 47272, -1454},        {1501082, 46545, -1410},  {2979248, 45840, -1370},  {4435178, 45156, -1330},
    {5869541, 44492, -1292},  {7282962, 43847, -1254},  {8676044, 43221, -1220},  {10049363, 42612, -1184},
    {11403483, 42020, -1152}, {12738917, 41444, -1118}, {14056184, 40884, -1088}, {15355769, 40339, -1060},
    {16638140, 39809, -1036}, {17903743, 39292, -1008}, {19153023, 38788, -982},  {20386388, 38297, -958},
    {21604233, 37818, -932},  {22806955, 37351, -910},  {23994917, 36896, -890},  {25168476, 36451, -866},
    {26327983, 36018, -850},  {27473763, 35594, -828},  {28606145, 35180, -808},  {29725438, 34776, -792},
    {30831938, 34380, -770},  {31925933, 33994, -754},  {33007706, 33616, -736},  {34077525, 33247, -722},
    {35135650, 32886, -708},  {36182341, 32532, -692},  {37217834, 32186, -678},  {38242366, 31847, -662},
    {39256173, 31516, -652},  {40259472, 31191, -638},  {41252485, 30872, -622},  {42235415, 30561, -614},
    {43208464, 30255, -600},  {44171830, 29955, -586},  {45125709, 29662, -578},  {46070275, 29374, -566},
    {47005716, 29091, -552},  {47932209, 28814, -542},  {48849920, 28542, -532},  {49759008, 28276, -524},
    {50659645, 28014, -514},  {51551985, 27757, -506},  {52436169, 27505, -498},  {53312352, 27257, -488},
    {54180676, 27013, -476},  {55041283, 26774, -468},  {55894308, 26540, -464},  {56739878, 26309, -454},
    {57578134, 26082, -446},  {58409191, 25859, -438},  {59233179, 25640, -432},  {60050209, 25424, -422},
    {60860399, 25213, -418},  {61663869, 25004, -408},  {62460730, 24799, -402},  {63251080, 24598, -398},
    {64035037, 24399, -390},  {64812691, 24204, -384},  {65584149, 24012, -378},  {66349508, 23823, -372},
};

inline float log2_of(float x) {
  constexpr int kBits = 23, kPartBits = 17, kUnit = 38;
  if (x != x || x < 0.0f) return __builtin_nanf("");
  if (x == 0.0f) return -__builtin_inff();
  if (x == __builtin_inff()) return x;
  // A subnormal argument is brought to 24 bits, and the result back: three instructions that ptxas makes of
  // one.
  if (x < 0x1p-126f) return log2_of(x * 0x1p24f) - 24.0f;
  const int bits = __builtin_bit_cast(int, x);
  const int fraction = bits & ((1 << kBits) - 1), exponent = (bits >> kBits) - 127;
  if (x == 1.0f) return 0.0f;
  const Parabola part = kLog2Parts[fraction >> kPartBits];
  const int argument = fraction & ((1 << kPartBits) - 1);
  constexpr long long kRounding = 837;
  const long long sum =
      static_cast<long long>(exponent) * (1LL << kUnit) + (static_cast<long long>(part.at_0) << 12) +
      part.slope * static_cast<long long>(argument) + part.curve * truncated_square(argument) + kRounding;
  // Of a negative sum the ones' complement is taken; the magnitude loses two bits, that of a positive one a
  // bit, and is cut to 24 bits.
  const long long magnitude = sum < 0 ? ~sum & ~3LL : sum & ~1LL;
  const int length = 64 - __builtin_clzll(magnitude);
  const int dropped = length > 24 ? length - 24 : 0;
  const auto cut = static_cast<float>(magnitude >> dropped << dropped);
  return (sum < 0 ? -cut : cut) * 0x1p-38f;
}

}  // namespace warpfinch::emulator
