# Script: writes OUTPUT, a table of the texts of NAMES (paths under FOLDER), as `FUNCTION` of namespace SCOPE,
# which HEADER declares.
set(table "// Written by tools/cmake/embed_templates.cmake.\n")
string(APPEND table "#include \"${HEADER}\"\n\nnamespace ${SCOPE} {\n\n")
string(APPEND table "std::span<const TemplateFile> ${FUNCTION}() {\n")
string(APPEND table "  static constexpr TemplateFile kFiles[] = {\n")
foreach(name IN LISTS NAMES)
  file(READ "${FOLDER}/${name}" text)
  string(APPEND table "    {\"${name}\", R\"warpfinch_cuh(${text})warpfinch_cuh\"},\n")
endforeach()
# The closing row keeps the array legal when there is no file at all.
string(APPEND table "    {},\n  };\n")
string(APPEND table "  return std::span(kFiles).first(std::size(kFiles) - 1);\n}\n\n}  // namespace ${SCOPE}\n")
file(WRITE "${OUTPUT}" "${table}")
