/* What a C program does first: version, a generated kernel, an engine. A machine without a GPU is fine, the
 * library says so in a line; everything else must work. */
#include <stdio.h>
#include <string.h>
#include <warpfinch/warpfinch.h>

static int fail(const char* what) {
  fprintf(stderr, "FAILED: %s: %s\n", what, wf_last_error());
  return 1;
}

/* Both ways of saying it, in C99. */
static wf_status launch(const wf_plan_t* plan) {
  void* buffers[3] = {NULL, NULL, NULL};
  const wf_launch_args args = {.struct_size = sizeof(wf_launch_args), .buffers = buffers, .buffer_count = 3};
  if (wf_launch_buffers(plan, buffers, 3, NULL, NULL) != wf_launch(plan, &args)) return WF_OK;
  return wf_launch(plan, &args);
}

static int show_kernel(void) {
  wf_plan_t* plan;
  wf_buffer buffer = WF_BUFFER_INIT;
  size_t i;
  if (wf_generate("gemm m=512 n=512 k=512 dtype=bf16", NULL, NULL, &plan) != WF_OK)
    return fail("wf_generate");
  printf("%s\n  %s\n", wf_plan_problem(plan), wf_plan_config(plan));
  for (i = 0; i < wf_plan_buffer_count(plan); ++i) {
    if (wf_plan_buffer(plan, i, &buffer) != WF_OK) return fail("wf_plan_buffer");
    printf("  %s %s, %lld bytes\n", buffer.name, buffer.dtype, (long long)buffer.bytes);
  }
  if (wf_plan_cuda(plan, 0) == NULL || strstr(wf_plan_cuda(plan, 0), "__global__") == NULL)
    return fail("wf_plan_cuda");
  printf("  %lu characters of CUDA\n", (unsigned long)strlen(wf_plan_cuda(plan, 0)));
  if (launch(plan) != WF_ERROR_INPUT || strstr(wf_last_error(), "without a device") == NULL)
    return fail("wf_launch of a plan without a device");
  wf_plan_close(plan);
  return 0;
}

int main(void) {
  wf_engine_t* engine;
  wf_plan_t* plan;
  wf_status status;
  printf("warpfinch %s\n", wf_version());
  if (show_kernel() != 0) return 1;
  if (wf_generate("gemm m=0", NULL, NULL, &plan) != WF_ERROR_INPUT || plan != NULL)
    return fail("gemm m=0 went through");
  printf("as it should, gemm m=0 is refused: %s\n", wf_last_error());
  status = wf_engine_open("cuda:0", "", &engine);
  if (status == WF_OK) {
    printf("cuda:0 is open\n");
    wf_engine_close(engine);
    return 0;
  }
  if (strlen(wf_last_error()) == 0 || strchr(wf_last_error(), '\n') != NULL) return fail("not one line");
  printf("no engine here: %s\n", wf_last_error());
  return 0;
}
