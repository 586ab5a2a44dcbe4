// 2^x as the hardware rounds it. A table of 64 parts of [0, 1), in each a polynomial of second degree: that
// is how the unit works (Oberman and Siu, "A High-Performance Area-Efficient Multifunction Interpolator",
// ARITH 2005), and the coefficients are least-squares fits to ex2.approx of an H200 on all 2^23
// fractions. 98.1 % of these come out to the bit, the others are one ulp off.
#pragma once

namespace warpfinch::emulator {

struct Parabola {
  double at_0, slope, curve;  // in units of 2^-23; the argument runs from 0 to 1 over the part
};
// static, for an inline variable would keep every kernel loaded for ever (STB_GNU_UNIQUE).
static constexpr Parabola kExp2Parts[64] = {
    {8388608.066, 90851.97, 494.00},   {8479953.811, 91839.98, 501.00},   {8572294.807, 92839.98, 506.00},
    {8665640.553, 93851.98, 511.00},   {8760003.798, 94871.98, 518.00},   {8855393.544, 95907.98, 521.00},
    {8951822.290, 96951.97, 527.00},   {9049301.536, 98007.98, 531.99},   {9147842.281, 99071.98, 541.00},
    {9247455.526, 100151.98, 545.99},  {9348153.273, 101243.97, 551.00},  {9449948.517, 102343.98, 559.00},
    {9552851.514, 103459.97, 564.00},  {9656875.257, 104587.97, 568.01},  {9762032.004, 105723.97, 577.00},
    {9868333.499, 106875.98, 582.99},  {9975792.495, 108039.97, 589.00},  {10084421.737, 109215.98, 595.99},
    {10194233.484, 110407.98, 600.00}, {10305241.730, 111607.97, 609.00}, {10417458.225, 112823.97, 615.00},
    {10530897.219, 114051.97, 622.00}, {10645570.715, 115295.97, 627.00}, {10761493.457, 116551.98, 632.99},
    {10878678.456, 117819.97, 641.00}, {10997139.447, 119103.98, 646.99}, {11116890.444, 120399.97, 655.00},
    {11237945.688, 121711.97, 661.00}, {11360318.683, 123035.97, 670.00}, {11484024.427, 124375.97, 677.00},
    {11609077.672, 125727.96, 686.01}, {11735491.916, 127099.97, 691.00}, {11863282.911, 128483.97, 699.00},
    {11992465.904, 129883.98, 704.98}, {12123055.396, 131295.98, 714.99}, {12255066.392, 132727.97, 720.99},
    {12388515.388, 134171.97, 730.00}, {12523417.632, 135631.96, 739.00}, {12659788.875, 137107.97, 748.00},
    {12797644.621, 138603.96, 753.01}, {12937001.864, 140111.96, 763.00}, {13077876.607, 141635.97, 773.00},
    {13220285.601, 143179.97, 779.00}, {13364244.845, 144739.96, 787.00}, {13509771.839, 146315.96, 796.00},
    {13656883.581, 147907.96, 806.00}, {13805597.327, 149519.95, 813.01}, {13955930.320, 151147.96, 822.00},
    {14107900.815, 152791.95, 833.01}, {14261525.554, 154455.97, 842.00}, {14416823.298, 156139.96, 849.00},
    {14573812.540, 157839.96, 858.00}, {14732511.034, 159555.96, 870.00}, {14892937.526, 161295.96, 877.00},
    {15055110.770, 163051.96, 887.00}, {15219050.262, 164827.96, 896.00}, {15384775.004, 166619.96, 909.00},
    {15552303.999, 168435.95, 917.01}, {15721657.490, 170271.96, 925.00}, {15892854.983, 172123.95, 938.00},
    {16065916.976, 173999.96, 946.00}, {16240863.467, 175891.96, 959.00}, {16417714.709, 177807.96, 969.00},
    {16596491.951, 179743.95, 980.00},
};

// The argument is cut to 23 bits behind the point. Of a negative one the magnitude is, and its ones'
// complement is taken; whole numbers come out exactly all the same (measured).
inline float exp2_of(float x) {
  constexpr int kBits = 23, kPartBits = 17;
  if (x != x) return x;
  if (x >= 128.0f) return __builtin_inff();
  if (x < -126.0f) return 0.0f;
  const double scaled = static_cast<double>(x) * (1 << kBits);
  auto fixed = static_cast<long long>(scaled);
  if (x < 0.0f && x != static_cast<float>(static_cast<int>(x))) --fixed;
  const long long fraction = fixed & ((1LL << kBits) - 1), whole = fixed >> kBits;
  const Parabola part = kExp2Parts[fraction >> kPartBits];
  const double t = (static_cast<double>(fraction & ((1 << kPartBits) - 1)) + 0.5) / (1 << kPartBits);
  const double mantissa = __builtin_rint(part.at_0 + t * (part.slope + t * part.curve));
  return static_cast<float>(__builtin_ldexp(mantissa, static_cast<int>(whole) - kBits));
}

}  // namespace warpfinch::emulator
