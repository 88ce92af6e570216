# ballast/controller: the release binary of hack/build and the shared libraries it needs.
# Built by hack/images; run as compose.yaml says.
FROM debian:trixie-slim
COPY build/release/lib/ /usr/local/lib/
COPY build/release/bin/ballast /usr/local/bin/ballast
# The libraries find each other through the cache.
RUN ldconfig
ENTRYPOINT ["ballast"]
CMD ["controller", "--manifests", "/manifests"]
