/* Warpfinch's C interface: GPU kernels written, compiled, tuned and remembered on the user's own machine.
 *
 *   wf_engine_t* engine;
 *   wf_plan_t* plan;
 *   wf_engine_open("cuda:0", NULL, &engine);
 *   wf_plan(engine, "attention_forward q_heads=16 q_len=1024 head_dim=64 dtype=fp16", NULL, &plan);
 *   void* buffers[] = {q, k, v, o};                       // device pointers
 *   wf_launch_args args = WF_LAUNCH_ARGS_INIT;
 *   args.buffers = buffers, args.buffer_count = 4, args.stream = stream;
 *   wf_launch(plan, &args);
 *   wf_plan_close(plan);
 *   wf_engine_close(engine);
 *
 * Problems. What a text may say, and what it means, stands in PROBLEMS.md beside this file.
 * Errors. A function that can fail returns wf_status; wf_last_error() then has one line that says what is
 *   wrong, where, and what would be right. A null argument that is not documented as optional is
 *   WF_ERROR_INPUT. No C++ exception crosses this interface. What a failed call should have given is NULL or
 *   untouched, never half made.
 * Structs. Each begins with struct_size: the bytes that the program which made it knows. WF_..._INIT sets it
 *   and clears the rest, and so does C99's {.struct_size = sizeof(wf_launch_args), ...}. A program built
 *   against an older header of this soname gives a smaller struct; the fields that it lacks have their
 *   defaults, 0 or NULL. One of a newer header gives a larger struct, which is taken where all that is beyond
 *   the library's own is zero. Every other size, 0 too, is WF_ERROR_INPUT. New fields come at the end only.
 * Threads. Every function may be called from any thread at any time, on one engine or plan too; only closing
 *   must come last. Errors are kept per thread.
 * Ownership. wf_engine_open, wf_plan and wf_generate hand over an object that the caller closes with
 *   wf_engine_close or wf_plan_close. A plan outlives its engine. Texts and arrays that a plan shows live
 *   as long as that plan object; the caller frees none of them.
 * Signals. No function changes a handler or a mask of the process. A handler must not call any function here.
 * Context. The engine works in the device's primary context (the one that the CUDA runtime and frameworks
 *   use) and leaves the caller's current context as it was.
 */
#ifndef WARPFINCH_WARPFINCH_H
#define WARPFINCH_WARPFINCH_H

#include <stddef.h>
#include <stdint.h>

#define WF_API __attribute__((visibility("default")))

/* Limits. More than that from the caller is WF_ERROR_INPUT; the library itself never shows more. */
#define WF_MAX_TEXT 65535       /* bytes of a text that is given: problem, config, path; without its last 0 */
#define WF_MAX_NAME 63          /* likewise of a buffer's or a size's name */
#define WF_MAX_BUFFERS 32       /* buffers of a plan */
#define WF_MAX_RANK 8           /* dimensions of a buffer */
#define WF_MAX_SIZES 32         /* sizes that a launch may set */
#define WF_MAX_STRUCT_SIZE 4096 /* bytes of a struct, those of newer headers included */
#define WF_PLANS_KEPT 256       /* plans that an engine keeps for who asks for the same again */

#ifdef __cplusplus
extern "C" {
#endif

/* The numbers are those of the command line's exit codes. */
typedef enum wf_status {
  WF_OK = 0,
  WF_ERROR_ENVIRONMENT = 1, /* no driver, no GPU, no NVRTC, disk, memory, or the driver refused a call */
  WF_ERROR_INPUT = 2        /* a wrong text, pointer or config, or a GPU that no target describes */
} wf_status;

typedef struct wf_engine_s wf_engine_t; /* a device and a database */
typedef struct wf_plan_s wf_plan_t;     /* what solves one problem: kernels to launch, or their text */

/* The library's version, "0.2.0". Static. */
WF_API const char* wf_version(void);
/* Why the last call on this thread failed; "" after one that did not fail. Valid until this thread's next
 * call that returns a wf_status. Never NULL. */
WF_API const char* wf_last_error(void);

/* --- engine ------------------------------------------------------------------------------------------- */

/* Opens a device ("cuda:0", …) with a database of configs. database_path: a file, made where there is none;
 * NULL: the user's own (under XDG_DATA_HOME, else ~/.local/share), where there is a place for it; "": no
 * database. The configs that come with the library answer below it; nothing is written to them.
 * "emulator:sm_90a" runs kernels on the CPU: device memory is then the caller's own, and wf_launch returns
 * when they have run, with WF_ERROR_ENVIRONMENT and the report of several lines where a kernel did something
 * wrong.
 * WF_ERROR_ENVIRONMENT: no driver, no such GPU, a file that cannot be read. WF_ERROR_INPUT: text that names
 * no device, a GPU of another architecture, a file that is no database or has a newer schema. */
WF_API wf_status wf_engine_open(const char* device, const char* database_path, wf_engine_t** engine);
/* NULL is allowed. Plans stay valid. */
WF_API void wf_engine_close(wf_engine_t* engine);

/* --- plans -------------------------------------------------------------------------------------------- */

/* Generates, compiles (or takes from the kernel cache) and loads what solves the problem. config_text NULL or
 * "": the database's config, else a shipped one, else the best by the static model. The first call for a
 * problem may take seconds and must not happen while one of this thread's streams captures; the same texts
 * are planned once, as long as they are among the WF_PLANS_KEPT that the engine was asked for last. A plan
 * that the engine no longer keeps stays whole until its last handle is closed.
 * WF_ERROR_INPUT: a text that is wrong, or a config that cannot work, with the numbers. WF_ERROR_ENVIRONMENT:
 * NVRTC is missing and the cache does not have the kernel. */
WF_API wf_status wf_plan(wf_engine_t* engine, const char* problem_text, const char* config_text,
                         wf_plan_t** plan);
/* The same without a GPU, a driver or NVRTC: problem, buffers, config and CUDA text; wf_launch refuses it.
 * config_text NULL or "": the best by the static model. target NULL: "sm_90a". */
WF_API wf_status wf_generate(const char* problem_text, const char* config_text, const char* target,
                             wf_plan_t** plan);
/* NULL is allowed. The caller's work on his streams must be done: the kernels may be unloaded. */
WF_API void wf_plan_close(wf_plan_t* plan);

/* The canonical texts; NULL for a NULL plan. */
WF_API const char* wf_plan_problem(const wf_plan_t* plan);
WF_API const char* wf_plan_config(const wf_plan_t* plan);
/* Floating-point operations that the problem needs (masked-out work is not counted); 0 for a NULL plan. */
WF_API double wf_plan_flops(const wf_plan_t* plan);

/* One tensor that the caller provides. */
typedef struct wf_buffer {
  size_t struct_size;
  const char* name;       /* "q" */
  const char* dtype;      /* "bf16", "fp16" or "fp32" */
  const int64_t* shape;   /* `rank` numbers of elements, outermost dimension first */
  const int64_t* strides; /* in elements, same order; a layout such as bshd shows here, not in the shape */
  int64_t bytes;          /* from the first byte to one past the last that a kernel touches */
  int rank;
  int alignment;          /* bytes that the pointer must be a multiple of */
  int is_output;          /* 0: only read; 1: every element is written */
  int reserved;           /* 0 */
} wf_buffer;
#define WF_BUFFER_INIT {sizeof(wf_buffer), NULL, NULL, NULL, NULL, 0, 0, 0, 0, 0}

/* The buffers stand in the order that wf_launch takes them:
 *   gemm                a [batch,m,k], b [batch,n,k] (nn: [batch,k,n]), c [batch,m,n][, bias [n]]
 *   softmax             x, y [batch,rows,columns]
 *   attention_forward   q, k, v, o [batch,heads,length,dim][, lse [batch,heads,length]];
 *                       attention_three_kernel likewise
 */
WF_API size_t wf_plan_buffer_count(const wf_plan_t* plan); /* 0 for a NULL plan */
/* Fills *buffer, whose struct_size the caller has set. WF_ERROR_INPUT: no such buffer, wrong struct_size. */
WF_API wf_status wf_plan_buffer(const wf_plan_t* plan, size_t index, wf_buffer* buffer);

/* Kernels of the plan, in launch order; 0 for a NULL plan. */
WF_API size_t wf_plan_kernel_count(const wf_plan_t* plan);
/* A kernel's CUDA text with all its headers in it; NULL and wf_last_error() where there is no such kernel. */
WF_API const char* wf_plan_cuda(const wf_plan_t* plan, size_t index);

/* --- launching ---------------------------------------------------------------------------------------- */

/* Bytes of device memory that a launch needs beside the buffers; 0: none, as for a NULL plan. */
WF_API size_t wf_workspace_size(const wf_plan_t* plan);

/* One launch. The arrays are read during the call only. */
typedef struct wf_launch_args {
  size_t struct_size;
  void* const* buffers; /* `buffer_count` device pointers, each a multiple of wf_buffer::alignment */
  /* NULL: the pointers stand in the order above. Else their names: each of the plan's once, in any order. */
  const char* const* buffer_names;
  size_t buffer_count; /* wf_plan_buffer_count */
  /* Lengths that the problem leaves open, in elements, by name. No problem leaves one open yet, so size_count
   * must be 0: a size that is given is refused. */
  const char* const* size_names;
  const int64_t* size_values;
  size_t size_count;
  void* stream; /* CUstream or cudaStream_t; NULL: the legacy default stream */
  /* Device memory of the caller, 256-byte aligned, used until the kernels are done, one piece per launch in
   * flight. NULL: the plan handle's own, see wf_launch. */
  void* workspace;
  size_t workspace_size; /* its bytes, at least wf_workspace_size */
  uint64_t flags;        /* 0; none is defined yet */
} wf_launch_args;
#define WF_LAUNCH_ARGS_INIT {sizeof(wf_launch_args), NULL, NULL, 0, NULL, NULL, 0, NULL, NULL, 0, 0}

/* Enqueues the plan's kernels on the stream and returns; it never waits for the device, and may be captured
 * into a graph. Launches of a plan that are in flight at a time (graph replays too) must not share outputs or
 * workspace. A pointer says nothing of what lies there: that type, shape and strides are those of
 * wf_plan_buffer is the caller's to see to.
 * A launch allocates device memory in one case only: the first launch of a plan handle that needs a workspace
 * and was given none allocates the handle's own, which must not happen during a capture. All launches of the
 * handle without a workspace use that one, so they must run one after another: on one stream, or ordered by
 * events. It lives until wf_plan_close. Two handles never share one, not even of the same problem.
 * WF_ERROR_INPUT: a wrong count, an unknown or repeated name, a null or misaligned pointer, a workspace that
 * is too small, a size that the plan does not leave open, an unknown flag, a wrong struct_size, a plan of
 * wf_generate. WF_ERROR_ENVIRONMENT: the driver refused the launch, or has no memory for the workspace. What
 * goes wrong inside a kernel shows where the caller synchronises, as for every kernel. */
WF_API wf_status wf_launch(const wf_plan_t* plan, const wf_launch_args* args);

/* --- tuning ------------------------------------------------------------------------------------------- */

/* How far a tuning run is; the library makes it. Texts live during the call only. */
typedef struct wf_progress {
  size_t struct_size;     /* what the library knows; fields beyond are not there */
  const char* problem;
  int done;               /* configs evaluated so far, the rejected ones included */
  int rejected;
  const char* config;     /* the one evaluated last */
  double microseconds;    /* its median time; infinite: rejected */
  const char* rejection;  /* why it was rejected; NULL: it was not */
  const char* best_config;        /* NULL: none works yet */
  double best_microseconds;       /* infinite: none works yet */
} wf_progress;

/* Called on the tuning thread after every evaluation. Not zero ends the run; what was found is kept. It may
 * call every function here, but must not throw or jump out. */
typedef int (*wf_progress_callback)(const wf_progress* progress, void* user_data);

/* One tuning run. */
typedef struct wf_tune_args {
  size_t struct_size;
  const char* problem;           /* text */
  const char* budget;            /* "60s", "10m", "1h" (time) or "200" (evaluations) */
  uint64_t seed;                 /* the same seed and the same answers of the device give the same run */
  wf_progress_callback progress; /* NULL: none */
  void* user_data;               /* handed to it */
  uint64_t flags;                /* 0; none is defined yet */
} wf_tune_args;
#define WF_TUNE_ARGS_INIT {sizeof(wf_tune_args), NULL, NULL, 0, NULL, NULL, 0}

/* Searches the config space on the engine's device and records every evaluation in the engine's database;
 * plans made afterwards use what it found. Blocks until the budget is spent. Candidates run in a child
 * process with a time limit, so one that crashes or hangs costs no more than its own evaluation.
 * WF_ERROR_INPUT: a wrong text, flag or struct_size, or an engine without a database. WF_ERROR_ENVIRONMENT:
 * NVRTC or the worker program is missing, a full disk, or not one config worked. */
WF_API wf_status wf_tune(wf_engine_t* engine, const wf_tune_args* args);
/* Ends every wf_tune that runs on this engine now, from any thread. The candidate in hand is given up, so
 * that they return within about a second, with WF_OK; what was found is kept. */
WF_API wf_status wf_stop_tuning(wf_engine_t* engine);

/* --- old ---------------------------------------------------------------------------------------------- */

/* wf_launch and wf_tune with the arguments of version 0.1, for older programs. The library exports neither,
 * and what is new comes to the structs only. */
static inline wf_status wf_launch_buffers(const wf_plan_t* plan, void* const* buffers, size_t count,
                                          void* workspace, void* stream) {
  wf_launch_args args = WF_LAUNCH_ARGS_INIT;
  args.buffers = buffers;
  args.buffer_count = count;
  args.stream = stream;
  args.workspace = workspace;
  args.workspace_size = workspace ? wf_workspace_size(plan) : 0; /* 0.1 did not ask for it */
  return wf_launch(plan, &args);
}
static inline wf_status wf_tune_problem(wf_engine_t* engine, const char* problem, const char* budget,
                                        uint64_t seed, wf_progress_callback progress, void* user_data) {
  wf_tune_args args = WF_TUNE_ARGS_INIT;
  args.problem = problem;
  args.budget = budget;
  args.seed = seed;
  args.progress = progress;
  args.user_data = user_data;
  return wf_tune(engine, &args);
}

#ifdef __cplusplus
}
#endif

#endif /* WARPFINCH_WARPFINCH_H */
