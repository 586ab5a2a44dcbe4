# The installed library shows the C interface and nothing else: no C++ symbol that would tie its users to one
# compiler's runtime. Argument: the library.
set -eu
names=$(nm -D --defined-only "$1" | awk '{print $3}')
strangers=$(echo "$names" | grep -v '^wf_' || true)
if [ -n "$strangers" ]; then
  echo "exported beside wf_*: $strangers"
  exit 1
fi
for name in wf_version wf_last_error wf_engine_open wf_engine_close wf_plan wf_plan_close wf_generate \
            wf_launch wf_workspace_size wf_tune wf_stop_tuning wf_plan_config wf_plan_cuda; do
  echo "$names" | grep -qx "$name" || { echo "$name is not exported"; exit 1; }
done
echo "$(echo "$names" | wc -l) functions exported, all wf_*"
