# Two images: the default one on the base image, and with --target slim one of node, its libraries and epollet alone.
# One base image for all stages: apt-get installs the compilers in the build stage only.
ARG NODE_IMAGE=docker.io/library/node:22-bookworm-slim
# The labels of both images.
ARG VERSION=unreleased
ARG REVISION=unknown
ARG DESCRIPTION="Raw epoll for Node, and a fast HTTP server on it for files and fetch handlers. Linux only."

FROM ${NODE_IMAGE} AS build
RUN apt-get update \
 && apt-get install --yes --no-install-recommends g++ make python3 \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /build
# The base image contains the headers of its Node, so node-gyp downloads nothing.
ENV npm_package_config_node_gyp_nodedir=/usr/local \
    npm_config_audit=false \
    npm_config_fund=false \
    npm_config_update_notifier=false

# This layer is cached until the lock file changes; the postprepare script needs the sources, so it runs later.
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY binding.gyp tsconfig.json ./
COPY native native
COPY scripts scripts
COPY src src
# The images have the optional package of /metrics too: here it is a dependency, in the version of the lock file.
RUN npm run postprepare \
 && npm pkg set --json dependencies.prom-client="$(npm pkg get devDependencies.prom-client)" \
 && npm pkg delete devDependencies.prom-client \
 && npm prune --ignore-scripts --omit=dev --offline \
 && find node_modules \( -name '*.map' -o -name '*.d.ts' -o -path '*/test/*' \) -delete \
 && find node_modules -type d -empty -delete
COPY html html
COPY LICENSE ./
# The umask of the checkout may have made the files unreadable for the image's user.
RUN rm -f dist/.tsbuildinfo && chmod -R a+rX . && chmod a+x dist/epollet.cjs


FROM ${NODE_IMAGE} AS app
WORKDIR /app
COPY --from=build /build/package.json /build/LICENSE ./
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/build/Release/epollet.node build/Release/epollet.node
COPY --from=build /build/dist dist
# A volume at /srv takes the place of these pages: without a directory, the command serves what /app/html leads to.
COPY --from=build /build/html /srv
# The kernel finds node without env(1), which the slim image lacks.
RUN ln -s /srv html && ln -s /app/dist/epollet.cjs /usr/local/bin/epollet \
 && sed -i '1s|.*|#!/usr/local/bin/node|' dist/epollet.cjs

# What V8 compiles of the command for the first response: a container starts with nothing that an earlier process has kept.
ENV NODE_COMPILE_CACHE=/app/cache
RUN epollet serve --host 127.0.0.1 --port 0 > /tmp/url & server=$!; \
    timeout 20 sh -c 'until epollet healthcheck "$(cat /tmp/url)" > /dev/null 2>&1; do sleep 0.1; done' \
 && kill $server && wait $server \
 && rm -rf /tmp/url cache/v* && chmod -R a+rX cache && ls cache/epollet-*.cache


# What node and the addon load, by ldd, at the paths where the loader looks without a cache, and the licenses of it.
FROM build AS libraries
RUN mkdir -p /slim/usr/local/bin /slim/etc \
 && cp /usr/local/bin/node /slim/usr/local/bin/node && strip --strip-unneeded /slim/usr/local/bin/node \
 && ldd /usr/local/bin/node build/Release/epollet.node | grep -oE '[[:space:]]/[^ ]+' | sort -u > /tmp/libraries \
 && xargs cp --dereference --parents --target-directory /slim < /tmp/libraries \
 && for package in libc6 libgcc-s1 libstdc++6; do cp --dereference --parents /usr/share/doc/$package/copyright /slim; done \
 && if [ -f /usr/local/LICENSE ]; then cp --parents /usr/local/LICENSE /slim; fi \
 && echo 'node:x:1000:1000::/:' > /slim/etc/passwd && echo 'node:x:1000:' > /slim/etc/group \
 && mkdir --mode 1777 /slim/tmp \
 && ln -s /app/dist/epollet.cjs /slim/usr/local/bin/epollet


# Settings are inherited from a base image alone, and the two images have none in common: they stand in both stages, and
# a test compares them.
FROM scratch AS slim
ARG NODE_IMAGE
ARG VERSION
ARG REVISION
ARG DESCRIPTION
LABEL org.opencontainers.image.title="epollet" \
      org.opencontainers.image.description="${DESCRIPTION}" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${NODE_IMAGE}"
COPY --from=libraries /slim /
COPY --from=app /srv /srv
COPY --from=app /app /app
WORKDIR /app
ENV PATH=/usr/local/bin \
    NODE_ENV=production \
    NODE_COMPILE_CACHE=/app/cache \
    EPOLLET_HOST=:: \
    EPOLLET_PORT=8080
EXPOSE 8080
USER 1000:1000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=3s --start-period=5s --retries=3 CMD ["epollet", "healthcheck"]
ENTRYPOINT ["epollet"]
CMD ["serve"]


FROM app
ARG NODE_IMAGE
ARG VERSION
ARG REVISION
ARG DESCRIPTION
LABEL org.opencontainers.image.title="epollet" \
      org.opencontainers.image.description="${DESCRIPTION}" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${NODE_IMAGE}"
# Set the port by this variable (docker run -e EPOLLET_PORT=…) rather than --port: the health check reads it too.
ENV NODE_ENV=production \
    EPOLLET_HOST=:: \
    EPOLLET_PORT=8080
EXPOSE 8080
# By number, so that an orchestrator can verify that it is not root (runAsNonRoot). It is the base image's user "node".
USER 1000:1000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=3s --start-period=5s --retries=3 CMD ["epollet", "healthcheck"]

# docker run -p 8080:8080 epollet                                       the pages in html/
# docker run -p 8080:8080 -v ./site:/srv:ro epollet                     your own directory
# docker run -p 8080:8080 -v ./site:/srv:ro epollet serve --trigger edge
ENTRYPOINT ["epollet"]
CMD ["serve"]
