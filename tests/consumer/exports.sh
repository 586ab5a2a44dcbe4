# The installed library shows the C interface and nothing else: no C++ symbol that would tie its users to one
# compiler's runtime. Argument: the library.
set -eu
names=$(nm -D --defined-only "$1" | awk '{print $3}')
strangers=$(echo "$names" | grep -v '^wf_' || true)
if [ -n "$strangers" ]; then
  echo "exported beside wf_*: $strangers"
  exit 1
fi
echo "$(echo "$names" | wc -l) functions exported, all wf_*"
