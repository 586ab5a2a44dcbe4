// The C header is good for the oldest C++.
#include <warpfinch/warpfinch.h>

const char* version_by_cpp98() { return wf_version(); }
