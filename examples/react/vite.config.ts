import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// `npm run dev` with a hub on this machine: the hub's pages and this one are of one origin then.
const hub = process.env.LONCENG_HUB ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [react()],
  server: { proxy: { '/lonceng.js': hub, '/api': hub, '/ws': { target: hub, ws: true } } },
});
