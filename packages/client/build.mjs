// Builds dist/ from web/src: the module that the hub serves as /lonceng.js, as a package for
// bundlers and for Node, where it is imported when a page is rendered on a server.
//
// Differences from /lonceng.js: readable, because the application's bundler minifies it; parts that
// are loaded on demand are files beside it, with relative imports that bundlers follow; and the
// default address of the hub is the origin of the page, because the origin of a bundle says nothing
// about it.
import { copyFile, mkdir, readFile, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { dirname, join } from 'node:path';
import { build, transform } from 'esbuild';

const root = dirname(fileURLToPath(import.meta.url));
const web = join(root, '../../web');
const dist = join(root, 'dist');

/** Loads a stylesheet as minified text. */
async function minified({ path }) {
  const { code } = await transform(await readFile(path, 'utf8'), { loader: 'css', minify: true });
  return { contents: code, loader: 'text' };
}

/** Modules of this package in the place of those of web/src. */
const replaced = {
  name: 'replaced-modules',
  setup: (plugin) =>
    plugin.onResolve({ filter: /^\.\/inbox-module\.js$/ }, () => ({
      path: join(root, 'src/inbox-module.js'),
    })),
};

/** Loads stylesheets as minified text. */
const cssText = {
  name: 'css-text',
  setup: (plugin) => plugin.onLoad({ filter: /\.css$/ }, minified),
};

await rm(dist, { recursive: true, force: true });
await mkdir(dist);
await build({
  entryPoints: { index: join(web, 'src/lonceng.js') },
  bundle: true,
  splitting: true,
  chunkNames: '[name]-[hash]',
  outdir: dist,
  format: 'esm',
  target: 'es2022',
  define: { 'import.meta.url': 'pageUrl' },
  inject: [join(root, 'src/environment.js')],
  plugins: [replaced, cssText],
  banner: { js: '// Lonceng, a notification hub: the browser client. MIT OR Apache-2.0.' },
});
// Generated from the same sources by web/build.mjs, which checks that they are up to date.
await copyFile(join(web, 'dist/lonceng.d.ts'), join(dist, 'index.d.ts'));
