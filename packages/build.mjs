// Builds packages of this folder by name, for packages and examples that depend on them through
// file:, because npm installs no build tools of such a dependency.
//
//   node packages/build.mjs client react
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

for (const name of process.argv.slice(2)) {
  const cwd = fileURLToPath(new URL(name, import.meta.url));
  const npm = (...args) => {
    const { status } = spawnSync('npm', args, { cwd, stdio: 'inherit', shell: true });
    if (status !== 0) process.exit(status ?? 1);
  };
  if (!existsSync(`${cwd}/node_modules`)) npm('ci', '--no-audit', '--no-fund');
  npm('run', 'build');
}
