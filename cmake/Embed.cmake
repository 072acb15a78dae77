# testudo_embed(TARGET FILE NAME): the bytes of FILE become `testudo::embedded::NAME`, a std::string_view, in TARGET.
# The same file is the script that writes the source: cmake -D INPUT= -D OUTPUT= -D NAME= -P Embed.cmake
if(CMAKE_SCRIPT_MODE_FILE)
  file(READ ${INPUT} bytes HEX)
  string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
  file(WRITE ${OUTPUT} "#include <string_view>\n\nnamespace testudo::embedded {\n\nnamespace {\nconstexpr char bytes[] = {\n${bytes}};\n}  // namespace\n\nextern const std::string_view ${NAME};\nconst std::string_view ${NAME}(bytes, sizeof bytes);\n\n}  // namespace testudo::embedded\n")
  return()
endif()

function(testudo_embed target file name)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/embedded_${name}.cpp)
  add_custom_command(
    OUTPUT ${source}
    COMMAND ${CMAKE_COMMAND} -D INPUT=${file} -D OUTPUT=${source} -D NAME=${name} -P ${PROJECT_SOURCE_DIR}/cmake/Embed.cmake
    DEPENDS ${file} ${PROJECT_SOURCE_DIR}/cmake/Embed.cmake
    VERBATIM)
  target_sources(${target} PRIVATE ${source})
endfunction()
