# ballast/controller: the release binary of hack/build and the shared libraries it needs.
# Built by hack/images; run as compose.yaml says.
FROM debian:trixie-slim
COPY build/release/lib/ /opt/ballast/lib/
COPY build/release/bin/ballast /opt/ballast/bin/ballast
ENV PATH=/opt/ballast/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ENTRYPOINT ["ballast"]
CMD ["controller", "--manifests", "/manifests"]
