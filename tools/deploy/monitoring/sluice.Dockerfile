# The image of compose.yaml, built from this tree. The context is the root of the tree.
FROM debian:bookworm-20250520-slim AS build
COPY . /src
WORKDIR /src
RUN apt-get update -qq && tools/setup build \
 && cmake --preset release && cmake --build --preset release --target sluice sluice-load \
 && install -D --strip build/release/sluice build/release/sluice-load --target-directory /out

FROM debian:bookworm-20250520-slim
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends libssl3 libcurl4 ca-certificates \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 990 --no-create-home --shell /usr/sbin/nologin sluice
COPY --from=build /out/sluice /out/sluice-load /usr/bin/
USER sluice
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/bin/sluice"]
CMD ["serve"]
