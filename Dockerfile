# One base image for both stages: apt-get installs the compilers in the build stage only.
ARG NODE_IMAGE=docker.io/library/node:22-bookworm-slim

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
RUN npm run postprepare && npm prune --ignore-scripts --omit=dev && find node_modules -type d -empty -delete
COPY html html
COPY LICENSE ./
# The umask of the checkout may have made the files unreadable for the image's user.
RUN rm -f dist/.tsbuildinfo && chmod -R a+rX . && chmod a+x dist/epollet.cjs


FROM ${NODE_IMAGE}
ARG NODE_IMAGE
ARG VERSION=unreleased
ARG REVISION=unknown
LABEL org.opencontainers.image.title="epollet" \
      org.opencontainers.image.description="Raw epoll for Node, and a fast HTTP server on it for files and fetch handlers. Linux only." \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${NODE_IMAGE}"

WORKDIR /app
COPY --from=build /build/package.json /build/LICENSE ./
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/build/Release/epollet.node build/Release/epollet.node
COPY --from=build /build/dist dist
COPY --from=build /build/html html
RUN ln -s /app/dist/epollet.cjs /usr/local/bin/epollet

# Set the port by this variable (docker run -e EPOLLET_PORT=…) rather than --port: the health check reads it too.
ENV NODE_ENV=production \
    EPOLLET_HOST=:: \
    EPOLLET_PORT=8080

# What V8 compiles of the command for the first response: a container starts with nothing that an earlier process has kept.
ENV NODE_COMPILE_CACHE=/app/cache
RUN epollet serve --host 127.0.0.1 --port 0 > /tmp/url & server=$!; \
    timeout 20 sh -c 'until epollet healthcheck "$(cat /tmp/url)" > /dev/null 2>&1; do sleep 0.1; done' \
 && kill $server && wait $server \
 && rm -rf /tmp/url cache/v* && chmod -R a+rX cache && ls cache/epollet-*.cache

EXPOSE 8080
# By number, so that an orchestrator can verify that it is not root (runAsNonRoot). It is the base image's user "node".
USER 1000:1000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=3s --start-period=5s --retries=3 CMD ["epollet", "healthcheck"]

# docker run -p 8080:8080 epollet                                       the pages in html/
# docker run -p 8080:8080 -v ./site:/site:ro epollet /site              your own directory
# docker run -p 8080:8080 -v ./site:/site:ro epollet serve /site --trigger edge
ENTRYPOINT ["epollet"]
CMD ["serve"]
