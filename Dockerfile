# syntax=docker/dockerfile:1
FROM node:24-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev && npm cache clean --force

FROM node:24-slim
LABEL org.opencontainers.image.title="Latchkey" \
      org.opencontainers.image.description="OpenID Connect provider and identity platform in one process" \
      org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY package.json LICENSE ./
COPY bin ./bin
COPY public ./public
COPY views ./views
COPY migrations ./migrations
COPY src ./src
# The one folder that is written to; the rest of the file system may be read-only.
RUN mkdir /data && chown node:node /data && ln -s /app/bin/latchkey.mjs /usr/local/bin/latchkey
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000 LATCHKEY_DATA=/data
VOLUME /data
# The user "node", by number, so that an orchestrator can see that it is not root.
USER 1000:1000
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["node", "/app/bin/healthcheck.mjs"]
ENTRYPOINT ["node", "/app/bin/latchkey.mjs"]
CMD ["serve"]
