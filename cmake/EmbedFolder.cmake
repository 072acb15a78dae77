# testudo_embed_folder(TARGET FOLDER): the files below FOLDER, each compressed by gzip, become what
# testudo::server::web_files() lists. A folder that is not there has none.
# The same file is the script that writes the source: cmake -D FOLDER= -D OUTPUT= -P EmbedFolder.cmake
if(CMAKE_SCRIPT_MODE_FILE)
  set(source "#include \"server/web_files.h\"\n\nnamespace testudo::server {\n\nnamespace {\n\n")
  set(rows "")
  set(index 0)
  file(GLOB_RECURSE files RELATIVE ${FOLDER} ${FOLDER}/*)
  list(SORT files)
  foreach(file ${files})
    execute_process(COMMAND gzip -9nc ${FOLDER}/${file} OUTPUT_FILE ${OUTPUT}.gz COMMAND_ERROR_IS_FATAL ANY)
    file(SHA256 ${FOLDER}/${file} hash)
    file(READ ${OUTPUT}.gz bytes HEX)
    string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
    string(APPEND source "constexpr char bytes_${index}[] = {\n${bytes}};\n")
    string(APPEND rows "    {\"/${file}\", {bytes_${index}, sizeof bytes_${index}}, \"${hash}\"},\n")
    math(EXPR index "${index} + 1")
  endforeach()
  if(index GREATER 0)
    string(APPEND source "constexpr WebFile files[] = {\n${rows}};\n\n}  // namespace\n\nstd::span<const WebFile> web_files() { return files; }\n")
  else()
    string(APPEND source "}  // namespace\n\nstd::span<const WebFile> web_files() { return {}; }\n")
  endif()
  file(WRITE ${OUTPUT} "${source}\n}  // namespace testudo::server\n")
  return()
endif()

function(testudo_embed_folder target folder)
  file(GLOB_RECURSE files CONFIGURE_DEPENDS ${folder}/*)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/embedded_folder_${target}.cpp)
  add_custom_command(
    OUTPUT ${source}
    COMMAND ${CMAKE_COMMAND} -D FOLDER=${folder} -D OUTPUT=${source} -P ${PROJECT_SOURCE_DIR}/cmake/EmbedFolder.cmake
    DEPENDS ${files} ${PROJECT_SOURCE_DIR}/cmake/EmbedFolder.cmake
    VERBATIM)
  target_sources(${target} PRIVATE ${source})
endfunction()
