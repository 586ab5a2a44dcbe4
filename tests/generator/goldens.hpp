// The pairs of the golden files in tests/generator/golden, and whose kernels stand there beside the program.
#pragma once

#include <ostream>
#include <string>
#include <vector>

namespace warpfinch {

// Is the kernel's CUDA kept, for a reader to see? One or two of an operation and of a feature are: a kernel
// follows from its program line by line.
enum class Kept { program_only, kernel_too };

struct Golden {
  std::string name;
  std::string problem, config;
  Kept kept = Kept::program_only;
  int kernels = 1;
};
inline void PrintTo(const Golden& golden, std::ostream* out) {
  *out << golden.problem << " / " << golden.config;
}

// Each for what it shows and no other does.
inline const std::vector<Golden>& goldens() {
  static const std::vector<Golden> all = {
      {"gemm_tn", "gemm m=4096 n=4096 k=4096",
       "consumer_warpgroups=2 n_tile=256 k_tile=64 stages=3 tile_order=static", Kept::kernel_too},
      {"gemm_nn_bias_gelu_odd", "gemm batch=2 m=300 n=201 k=100 layout=nn epilogue=bias_gelu alpha=0.5",
       "consumer_warpgroups=1 n_tile=64 k_tile=32 stages=3", Kept::kernel_too},
      {"softmax_long_causal", "softmax batch=2 rows=1000 columns=1500 mask=causal scale=0.5",
       "warps=4 column_tile=128", Kept::kernel_too},
      {"attention_d64_pingpong", "attention_forward q_heads=16 q_len=1024 head_dim=64 dtype=fp16",
       "consumer_warpgroups=4 key_tile=64 k_stages=4 v_stages=4 order=qk_first pingpong=issue "
       "max_policy=conditional",
       Kept::kernel_too},
      {"attention_causal_gqa_lse",
       "attention_forward batch=3 q_heads=20 kv_heads=4 q_len=1777 head_dim=128 mask=causal lse=true",
       "consumer_warpgroups=2 key_tile=128 order=qk_first mask_loop=split tile_order=static",
       Kept::kernel_too},
      {"attention_pv_first_branch_ld",
       "attention_forward q_heads=2 q_len=77 kv_len=333 head_dim=64 mask=causal_top_left",
       "consumer_warpgroups=3 key_tile=64 order=pv_first mask_loop=branch copy=ld"},
      {"attention_d80_causal", "attention_forward q_heads=32 q_len=1000 head_dim=80 mask=causal",
       "consumer_warpgroups=2 key_tile=128 pingpong=issue max_policy=conditional"},
      {"attention_d192_v128",
       "attention_forward q_heads=8 q_len=256 head_dim=192 value_dim=128 layout=bhsd dtype=fp16",
       "consumer_warpgroups=2 key_tile=96 order=pv_first"},
      {"attention_window",
       "attention_forward q_heads=4 kv_heads=2 q_len=1000 kv_len=1500 head_dim=64 window_left=300 "
       "window_right=77",
       "consumer_warpgroups=2 key_tile=96 order=qk_first mask_loop=split", Kept::kernel_too},
      {"attention_window_branch",
       "attention_forward q_heads=2 q_len=500 head_dim=32 mask=causal window_left=128",
       "consumer_warpgroups=1 key_tile=64 order=pv_first mask_loop=branch max_policy=conditional"},
      {"attention_lazy", "attention_forward q_heads=16 q_len=2048 head_dim=64",
       "consumer_warpgroups=4 key_tile=64 k_stages=3 v_stages=3 order=pv_first max_policy=first_tile "
       "tile_order=static "
       "mask_loop=branch "
       "staging=own stage_tiles=2",
       Kept::kernel_too},
      {"attention_two_q", "attention_forward q_heads=16 q_len=2048 head_dim=128 dtype=fp16 mask=causal",
       "consumer_warpgroups=2 key_tile=128 k_stages=2 v_stages=2 order=qk_first pingpong=issue "
       "max_policy=first_tile tile_order=static "
       "staging=own q_stages=2 pin=exponentials"},
      {"attention_turns_then_own",
       "attention_forward q_heads=4 kv_heads=2 q_len=3000 head_dim=64 mask=causal",
       "consumer_warpgroups=4 key_tile=64 order=qk_first pingpong=issue max_policy=first_tile "
       "tile_order=static mask_loop=split "
       "staging=own "
       "extents=warpgroup stage_tiles=2 q_stages=2 pin=none"},
      {"attention_unstaged", "attention_forward q_heads=4 q_len=300 head_dim=80 dtype=fp16 lse=true",
       "consumer_warpgroups=2 key_tile=64 order=pv_first max_policy=conditional tile_order=static "
       "staging=none q_stages=2 "
       "q_in=registers"},
      {"attention_unsettled", "attention_forward q_heads=4 q_len=1024 head_dim=64",
       "consumer_warpgroups=4 key_tile=64 order=qk_first pingpong=issue max_policy=conditional "
       "mask_loop=branch stage_tiles=2 "
       "pin=none"},
      {"attention_speculative", "attention_forward q_heads=16 q_len=2048 head_dim=64",
       "consumer_warpgroups=4 key_tile=64 k_stages=2 v_stages=4 order=pv_first max_policy=speculative "
       "tile_order=static "
       "mask_loop=branch stage_tiles=2",
       Kept::kernel_too},
      {"attention_speculative_d128",
       "attention_forward q_heads=32 q_len=4096 head_dim=128 dtype=fp16 lse=true",
       "consumer_warpgroups=3 key_tile=64 k_stages=3 v_stages=3 order=pv_first max_policy=speculative"},
      {"attention_speculative_qk_first", "attention_forward q_heads=16 q_len=1000 head_dim=64 mask=causal",
       "consumer_warpgroups=2 key_tile=128 order=qk_first max_policy=speculative mask_loop=branch "
       "extents=warpgroup"},
      {"attention_follows_sums", "attention_forward q_heads=16 q_len=2048 head_dim=64",
       "consumer_warpgroups=4 key_tile=64 k_stages=3 v_stages=3 order=qk_first pingpong=issue "
       "max_policy=sum_guard tile_order=static "
       "mask_loop=split staging=own"},
      {"attention_follows_sums_pv_first",
       "attention_forward q_heads=4 q_len=1000 head_dim=128 dtype=fp16 mask=causal",
       "consumer_warpgroups=2 key_tile=64 order=pv_first max_policy=sum_guard mask_loop=branch "
       "extents=warpgroup"},
      {"attention_lazy_causal",
       "attention_forward q_heads=4 kv_heads=2 q_len=1000 head_dim=64 mask=causal lse=true",
       "consumer_warpgroups=2 key_tile=64 k_stages=2 v_stages=2 max_policy=first_tile mask_loop=branch "
       "extents=warpgroup "
       "ctas_per_sm=1 "
       "stage_tiles=2"},
      {"attention_dynamic",
       "attention_forward q_heads=8 kv_heads=2 q_len=1000 head_dim=128 mask=causal lse=true",
       "consumer_warpgroups=2 key_tile=128 order=qk_first max_policy=first_tile tile_order=dynamic "
       "mask_loop=split staging=own",
       Kept::kernel_too},
      {"attention_dynamic_ld", "attention_forward q_heads=6 q_len=500 head_dim=64 mask=causal",
       "consumer_warpgroups=2 key_tile=64 order=qk_first pingpong=issue max_policy=conditional "
       "tile_order=dynamic copy=ld"},
      {"attention_balanced", "attention_forward q_heads=24 q_len=2048 head_dim=64 mask=causal",
       "consumer_warpgroups=4 key_tile=64 k_stages=3 v_stages=3 order=softmax_first pingpong=issue "
       "max_policy=speculative tile_order=balanced "
       "staging=own extents=warpgroup stage_tiles=2 q_stages=2"},
      {"attention_head_group",
       "attention_forward batch=2 q_heads=24 kv_heads=6 q_len=700 head_dim=64 mask=causal",
       "consumer_warpgroups=2 key_tile=64 tile_order=static head_group=8"},
      // One K stage: who skips must hand K back before he waits for V (found on a GPU, shown by the
      // emulator).
      {"attention_skip_order",
       "attention_forward q_heads=3 kv_heads=1 q_len=444 kv_len=225 head_dim=64 mask=causal_top_left",
       "consumer_warpgroups=4 key_tile=32 k_stages=1 v_stages=2 order=pv_first mask_loop=branch "
       "extents=warpgroup"},
      {"attention_two_blocks", "attention_forward q_heads=16 q_len=1024 head_dim=64 dtype=fp16",
       "consumer_warpgroups=1 key_tile=128 max_policy=first_tile ctas_per_sm=2"},
      {"attention_queries_in_registers",
       "attention_forward batch=2 q_heads=8 kv_heads=4 q_len=1000 head_dim=96 mask=causal dtype=fp16",
       "consumer_warpgroups=2 key_tile=96 tile_order=static staging=own q_in=registers"},
      {"attention_weights_stored", "attention_forward q_heads=32 q_len=4096 head_dim=128",
       "consumer_warpgroups=3 key_tile=80 k_stages=2 v_stages=2 order=qk_first pingpong=issue "
       "max_policy=first_tile tile_order=static "
       "p_in=shared"},
      {"attention_weights_stored_pv_first",
       "attention_forward q_heads=4 q_len=500 head_dim=80 dtype=fp16 mask=causal",
       "consumer_warpgroups=1 key_tile=80 order=pv_first max_policy=speculative mask_loop=branch "
       "p_in=shared"},
      {"attention_scaled_queries", "attention_forward q_heads=8 q_len=1024 head_dim=128 lse=true",
       "consumer_warpgroups=2 key_tile=128 order=qk_first pingpong=issue max_policy=first_tile "
       "tile_order=static staging=own "
       "q_in=registers scale_q=true"},
      {"attention_polynomial", "attention_forward q_heads=16 q_len=2048 head_dim=64",
       "consumer_warpgroups=2 key_tile=128 order=qk_first max_policy=first_tile tile_order=static "
       "staging=own polynomial=2",
       Kept::kernel_too},
      {"attention_polynomial_speculative",
       "attention_forward q_heads=4 q_len=500 head_dim=128 dtype=fp16 mask=causal lse=true",
       "consumer_warpgroups=3 key_tile=64 order=pv_first max_policy=speculative mask_loop=branch "
       "polynomial=8"},
      {"attention_producer_keeps",
       "attention_forward q_heads=8 kv_heads=2 q_len=1000 head_dim=128 mask=causal",
       "consumer_warpgroups=2 key_tile=128 order=qk_first max_policy=conditional tile_order=dynamic "
       "staging=own producer_regs=40"},
      {"attention_keep_kv", "attention_forward batch=4 q_heads=32 q_len=4096 head_dim=128",
       "consumer_warpgroups=2 key_tile=128 pingpong=issue max_policy=first_tile tile_order=static "
       "q_in=registers cache=keep_kv"},
      {"attention_cluster", "attention_forward batch=2 q_heads=16 q_len=4096 head_dim=128",
       "consumer_warpgroups=2 key_tile=128 pingpong=issue max_policy=first_tile tile_order=static "
       "staging=own cache=keep_kv "
       "cluster=2",
       Kept::kernel_too},
      {"attention_cluster_causal",
       "attention_forward q_heads=8 kv_heads=2 q_len=1000 head_dim=96 dtype=fp16 mask=causal lse=true",
       "consumer_warpgroups=2 key_tile=64 mask_loop=branch extents=warpgroup cluster=4"},
      {"attention_softmax_first", "attention_forward batch=4 q_heads=32 q_len=4096 head_dim=128",
       "consumer_warpgroups=2 key_tile=128 order=softmax_first pingpong=issue max_policy=conditional "
       "tile_order=static staging=own",
       Kept::kernel_too},
      {"attention_softmax_first_window",
       "attention_forward q_heads=4 kv_heads=2 q_len=1000 kv_len=1500 head_dim=64 lse=true window_left=300 "
       "window_right=77",
       "consumer_warpgroups=2 key_tile=64 order=softmax_first mask_loop=branch"},
      {"attention_softmax_first_own_bounds",
       "attention_forward q_heads=16 q_len=2048 head_dim=64 mask=causal",
       "consumer_warpgroups=4 key_tile=64 k_stages=3 v_stages=3 order=softmax_first pingpong=exponentials "
       "max_policy=first_tile "
       "tile_order=dynamic mask_loop=split staging=own extents=warpgroup"},
      {"attention_turns_of_exponentials", "attention_forward q_heads=16 q_len=2048 head_dim=64 dtype=fp16",
       "consumer_warpgroups=4 key_tile=64 k_stages=3 v_stages=3 order=qk_first pingpong=exponentials "
       "max_policy=sum_guard "
       "tile_order=static staging=own"},
      {"attention_turns_of_exponentials_speculative",
       "attention_forward q_heads=8 q_len=1000 head_dim=128 lse=true",
       "consumer_warpgroups=2 key_tile=96 order=qk_first pingpong=exponentials max_policy=speculative "
       "mask_loop=branch"},
      {"attention_cp_async", "attention_forward q_heads=16 q_len=1024 head_dim=64 mask=causal",
       "consumer_warpgroups=2 key_tile=128 pingpong=issue tile_order=static copy=cp_async", Kept::kernel_too},
      {"attention_cp_async_keys", "attention_forward q_heads=8 kv_heads=2 q_len=1000 head_dim=128 dtype=fp16",
       "consumer_warpgroups=2 key_tile=64 order=pv_first max_policy=conditional kv_copy=cp_async swizzle=64"},
      {"attention_cp_async_queries", "attention_forward q_heads=8 q_len=1000 head_dim=96",
       "consumer_warpgroups=2 key_tile=96 q_in=registers q_copy=cp_async cache=kv_last swizzle=32"},
      {"attention_narrow", "attention_forward q_heads=16 q_len=2048 head_dim=64",
       "consumer_warpgroups=2 key_tile=128 p_in=shared cache=qo_first swizzle=64"},
      {"gemm_cp_async", "gemm m=300 n=200 k=104 layout=nn",
       "consumer_warpgroups=1 n_tile=64 k_tile=32 copy=cp_async"},
      {"attention_decode",
       "attention_forward batch=2 q_heads=32 kv_heads=4 q_len=1 kv_len=5000 head_dim=128 lse=true",
       "consumer_warpgroups=1 key_tile=128 pack_gqa=true kv_splits=8", Kept::kernel_too, 2},
      {"attention_packed_window",
       "attention_forward q_heads=12 kv_heads=4 q_len=7 kv_len=900 head_dim=64 mask=causal window_left=500",
       "consumer_warpgroups=1 key_tile=64 pack_gqa=true kv_splits=3 mask_loop=branch", Kept::program_only, 2},
      {"three_kernel", "attention_three_kernel q_heads=4 kv_heads=2 q_len=500 head_dim=64 lse=true",
       "gemm:{consumer_warpgroups=2 n_tile=128} softmax:{warps=4} gemm:{consumer_warpgroups=1 n_tile=64}",
       Kept::kernel_too, 3},
  };
  return all;
}

// Name of the golden's i-th kernel: its files are called so.
inline std::string kernel_name(const Golden& golden, int i) {
  return golden.kernels == 1 ? golden.name : golden.name + "." + std::to_string(i);
}

}  // namespace warpfinch
