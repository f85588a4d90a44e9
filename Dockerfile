# One image for all stages, one process per stage (`docker-compose.yml`).
FROM node:22-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc tsconfig.json tsconfig.build.json ./
# No package needs an install script: native code comes prebuilt in the packages.
RUN npm ci --ignore-scripts
COPY schemas schemas
COPY src src
RUN npm run build && npm prune --omit=dev --ignore-scripts

FROM node:22-bookworm-slim
# bubblewrap and prlimit contain the programs that the code verifier runs.
RUN apt-get update && apt-get install -y --no-install-recommends bubblewrap util-linux python3 \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY --from=build /app/schemas schemas
COPY examples examples
RUN ln -s /app/dist/cli/main.js /usr/local/bin/rlsd && chmod +x dist/cli/main.js && mkdir /runs && chown node /runs
USER node
VOLUME /runs
ENTRYPOINT ["rlsd"]
CMD ["--help"]
