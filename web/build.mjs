// Builds what the hub serves from web/src: dist/lonceng.js, a minified ES module;
// dist/lonceng-inbox.js, which it imports for the list and the settings; and dist/lonceng.d.ts, its
// TypeScript declarations, from the JSDoc types.
//
//   node build.mjs           writes dist/, which is committed
//   node build.mjs --check   fails if dist/ is not what web/src makes
import { readFile, writeFile, mkdir, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { dirname, join } from 'node:path';
import { build, transform } from 'esbuild';
import { rollup } from 'rollup';
import { dts } from 'rollup-plugin-dts';
import ts from 'typescript';

const root = dirname(fileURLToPath(import.meta.url));
const BANNER = '// Lonceng, a notification hub: the browser component. MIT OR Apache-2.0.\n';

/** Returns overloads of `addEventListener` for the events of a class. */
function listeners(name, events) {
  const overloads = Object.entries(events).map(
    ([type, event]) => `  addEventListener(
    type: '${type}',
    listener: (event: ${event}) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;`,
  );
  return `interface ${name} {\n${overloads.join('\n')}\n}`;
}

/** Elements and events of the component, for pages in TypeScript. */
const GLOBALS = `
${listeners('Client', {
  change: 'Event',
  notification: 'CustomEvent<Notification>',
  summary: 'CustomEvent<{ count: number }>',
})}
${listeners('Feed', {
  change: 'Event',
  message: 'CustomEvent<FeedMessage>',
  error: 'CustomEvent<{ code: string; message: string }>',
})}
declare global {
  interface HTMLElementTagNameMap {
    'lonceng-bell': LoncengBell;
    'lonceng-feed': LoncengFeed;
    'lonceng-inbox': LoncengInbox;
    'lonceng-preferences': LoncengPreferences;
    'lonceng-toasts': LoncengToasts;
  }
  interface HTMLElementEventMap {
    'lonceng:notification': CustomEvent<Notification>;
    'lonceng:action': CustomEvent<Notification> & { action?: number; url: string | null };
    'lonceng:open': CustomEvent<null>;
    'lonceng:status': CustomEvent<{ status: Status; reason: string }>;
    'lonceng:message': CustomEvent<FeedMessage>;
    'lonceng:error': CustomEvent<{ code: string; message: string }>;
  }
}
`;

/** Loads a stylesheet as minified text. */
async function minified({ path }) {
  const { code } = await transform(await readFile(path, 'utf8'), { loader: 'css', minify: true });
  return { contents: code, loader: 'text' };
}

/** Bundles a module of web/src. The modules share helpers, which are in both, and no state. */
async function bundle(name) {
  const { outputFiles } = await build({
    entryPoints: [join(root, 'src', name)],
    bundle: true,
    external: ['./lonceng-inbox.js'],
    format: 'esm',
    target: 'es2022',
    minify: true,
    plugins: [
      { name: 'css-text', setup: (plugin) => plugin.onLoad({ filter: /\.css$/ }, minified) },
    ],
    legalComments: 'none',
    write: false,
  });
  return BANNER + outputFiles[0].text;
}

/** Emits a declaration for each module, then puts them into one file. */
async function declarations() {
  const types = join(root, 'dist/types');
  const program = ts.createProgram([join(root, 'src/lonceng.js'), join(root, 'src/css.d.ts')], {
    allowJs: true,
    checkJs: true,
    declaration: true,
    emitDeclarationOnly: true,
    lib: ['lib.es2022.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
    module: ts.ModuleKind.ES2022,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    outDir: types,
    strict: true,
    target: ts.ScriptTarget.ES2022,
    types: [],
  });
  try {
    const { diagnostics } = program.emit();
    if (diagnostics.length)
      throw new Error(ts.formatDiagnostics(diagnostics, ts.createCompilerHost({})));
    const bundled = await rollup({ input: join(types, 'lonceng.d.ts'), plugins: [dts()] });
    const { output } = await bundled.generate({ format: 'es' });
    return BANNER + output[0].code + GLOBALS;
  } finally {
    await rm(types, { recursive: true, force: true });
  }
}

const outputs = {
  'lonceng.js': await bundle('lonceng.js'),
  'lonceng-inbox.js': await bundle('lonceng-inbox.js'),
  'lonceng.d.ts': await declarations(),
};
const check = process.argv.includes('--check');
for (const [name, text] of Object.entries(outputs)) {
  const path = join(root, 'dist', name);
  if (!check) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  } else if ((await readFile(path, 'utf8').catch(() => '')) !== text) {
    console.error(
      `web/dist/${name} is not what web/src makes: run npm run build in web/ and commit`,
    );
    process.exitCode = 1;
  }
}
