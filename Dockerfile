# docker build -t testudo .
# docker run --rm -p 127.0.0.1:7851:7851 --user "$(id -u):$(id -g)" -v "$PWD/studio:/studio" testudo
FROM debian:bookworm AS build
RUN apt-get update -q && apt-get install -y -q --no-install-recommends bash ca-certificates python3-pip
WORKDIR /testudo
COPY . .
RUN ./dev install /opt/testudo

FROM debian:bookworm-slim
RUN apt-get update -q && apt-get install -y -q --no-install-recommends ca-certificates espeak-ng libavcodec59 libavformat59 libavutil57 \
  libcpp-httplib0.11 libcurl4 libicu72 libpng16-16 libsoxr0 libssl3 libswresample4 libyaml-cpp0.7 tini zlib1g && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/testudo /opt/testudo
RUN useradd --create-home --uid 1000 testudo && install -d -o testudo /studio
USER testudo
ENV TESTUDO_WORKSPACE=/studio OMP_WAIT_POLICY=passive PATH=/opt/testudo/bin:$PATH
VOLUME /studio
EXPOSE 7851
# A first process that passes signals on and takes ended ones away. The token is printed at the start: docker logs.
ENTRYPOINT ["tini", "--"]
CMD ["testudo", "serve", "--host", "0.0.0.0"]
