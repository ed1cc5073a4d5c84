// Builds one server process: its own code and the workspace's libs into one file, every
// published package left to node_modules.
import { defineConfig } from 'rolldown';

const bundled = ['@muster/', '@oxc-project/runtime']; // the latter holds the decorator helpers

export default defineConfig({
  input: 'src/main.ts',
  platform: 'node',
  external: (id) => /^[^./]/.test(id) && !bundled.some((prefix) => id.startsWith(prefix)),
  tsconfig: '../../tsconfig.base.json',
  transform: { target: 'node22' },
  output: { dir: 'dist', format: 'esm', sourcemap: true, cleanDir: true },
});
