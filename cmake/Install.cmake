# cmake --install gives PREFIX/bin/testudo and PREFIX/lib/libtorch*: a tree that runs wherever it is moved.
if(TARGET testudo)
  # What core/program_files.h finds, in the build tree as in an installed one.
  file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/share)
  file(CREATE_LINK ${PROJECT_SOURCE_DIR}/.deps/share ${PROJECT_BINARY_DIR}/share/testudo SYMBOLIC)
  install(TARGETS testudo RUNTIME DESTINATION bin)
  file(GLOB libtorch ${TESTUDO_TORCH}/lib/libtorch.so ${TESTUDO_TORCH}/lib/libtorch_cpu.so ${TESTUDO_TORCH}/lib/libc10*.so
       ${TESTUDO_TORCH}/lib/libtorch_cuda*.so ${TESTUDO_TORCH}/lib/libgomp*.so*)
  if(TESTUDO_NCCL)
    # libtorch for CUDA looks for NVIDIA's libraries from where it lies: both stay as they are beside each other.
    set(beside ../lib/torch/lib)
    install(FILES ${libtorch} DESTINATION lib/torch/lib)
    file(GLOB others ${TESTUDO_TORCH}/lib/libtorch_nvshmem.so ${TESTUDO_TORCH}/lib/libtorch_cuda_linalg.so)
    install(FILES ${others} DESTINATION lib/torch/lib)
    install(DIRECTORY ${TESTUDO_TORCH}/../nvidia DESTINATION lib FILES_MATCHING PATTERN "*.so*" PATTERN "LICENSE*")
  else()
    set(beside ../lib)
    install(FILES ${libtorch} DESTINATION lib)
  endif()
  install(CODE "file(RPATH_CHANGE FILE \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/bin/testudo\"
    OLD_RPATH \"${TESTUDO_TORCH}/lib\" NEW_RPATH \"\\\$ORIGIN/${beside}\")")
  if(EXISTS ${TESTUDO_TORCH}/LICENSE)
    install(FILES ${TESTUDO_TORCH}/LICENSE DESTINATION share/doc/testudo RENAME LICENSE.libtorch)
  endif()
  install(FILES ${PROJECT_SOURCE_DIR}/.deps/whisper.cpp/LICENSE DESTINATION share/doc/testudo RENAME LICENSE.whisper.cpp)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/.deps/share/ DESTINATION share/testudo)
  install(FILES LICENSE NOTICE README.md DESTINATION share/doc/testudo)
endif()
