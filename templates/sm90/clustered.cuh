// In front of mma.cuh in kernels whose blocks form clusters.
#pragma once

#define WF_CLUSTER  // shared addresses hold the rank of the block
