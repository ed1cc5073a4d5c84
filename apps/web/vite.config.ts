import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

const api = process.env['MUSTER_API'] ?? 'http://127.0.0.1:4321';

/** Bytes; smaller files gain nothing. */
const worthPacking = 1024;

/** Puts every file beside itself as `.br` and `.gz`, packed as well as can be: the API serves what is there. */
const packed: Plugin = {
  name: 'packed',
  apply: 'build',
  generateBundle: {
    order: 'post',
    handler(_options, bundle) {
      for (const [fileName, file] of Object.entries(bundle)) {
        const source = Buffer.from(file.type === 'chunk' ? file.code : file.source);
        if (source.length < worthPacking) continue;
        const params = {
          [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
          [constants.BROTLI_PARAM_SIZE_HINT]: source.length,
        };
        this.emitFile({
          type: 'asset',
          fileName: `${fileName}.br`,
          source: brotliCompressSync(source, { params }),
        });
        this.emitFile({ type: 'asset', fileName: `${fileName}.gz`, source: gzipSync(source, { level: 9 }) });
      }
    },
  },
};

export default defineConfig({
  plugins: [react(), packed],
  build: {
    // The content security policy allows no data: URLs.
    assetsInlineLimit: 0,
    target: 'es2023',
  },
  // `npm run dev -w @muster/app-web` beside a running API.
  server: {
    proxy: { '/graphql': { target: api, ws: true }, '/api': { target: api } },
  },
});
