import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const api = process.env['MUSTER_API'] ?? 'http://127.0.0.1:4321';

export default defineConfig({
  plugins: [react()],
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
