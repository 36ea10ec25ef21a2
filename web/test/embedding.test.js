// Samples of docs/EMBEDDING.md that sign tokens, in the languages that this machine has.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const SECRET = 'a secret of at least thirty-two bytes';
const guide = await readFile(new URL('../../docs/EMBEDDING.md', import.meta.url), 'utf8');

/** Returns the block of the guide in a language that contains a text. */
function sample(language, text) {
  const blocks = guide.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 'gs'));
  const found = [...blocks].find(([, code]) => code.includes(text));
  assert.ok(found, `${language}: ${text}`);
  return found[1];
}

/** Programs that print two tokens, the second one with roles. */
const PROGRAMS = {
  node: [
    'sample.mjs',
    `${sample('js', 'loncengToken')}
console.log(loncengToken(7));
console.log(loncengToken('budi', ['editor']));`,
  ],
  python3: [
    'sample.py',
    `${sample('python', 'lonceng_token')}
print(lonceng_token(7))
print(lonceng_token("budi", ["editor"]))`,
  ],
  php: [
    'sample.php',
    `${sample('php', 'lonceng_token')}
echo lonceng_token('7'), "\\n", lonceng_token('budi', ['editor']);`,
  ],
  go: [
    'sample.go',
    `${sample('go', 'package lonceng').replace('package lonceng', 'package main')}
func main() {
  first, _ := Token("7", nil)
  second, _ := Token("budi", []string{"editor"})
  println(first)
  println(second)
}`,
  ],
};

/** Returns the claims of a token with a valid signature. */
function claimsOf(token) {
  const [head, claims, signature] = token.split('.');
  const expected = createHmac('sha256', SECRET).update(`${head}.${claims}`).digest('base64url');
  assert.equal(signature, expected);
  return JSON.parse(Buffer.from(claims, 'base64url').toString());
}

for (const [language, [name, program]] of Object.entries(PROGRAMS)) {
  test(`the token of the sample in ${language} has roles only if they are given`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'lonceng-sample-'));
    const file = join(folder, name);
    await writeFile(file, program);
    const command = language === 'go' ? ['go', 'run', file] : [language, file];
    let output;
    try {
      const env = { ...process.env, JWT_SECRET: SECRET };
      // println of Go writes to standard error.
      output = execFileSync('sh', ['-c', `${command.join(' ')} 2>&1`], { env, encoding: 'utf8' });
    } catch (error) {
      if (error.status !== 127) throw error;
      return t.skip(`${language} is not installed`);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
    const [plain, withRoles] = output.trim().split('\n').map(claimsOf);
    assert.deepEqual([plain.sub, 'roles' in plain], ['7', false]);
    assert.deepEqual([withRoles.sub, withRoles.roles], ['budi', ['editor']]);
    assert.equal(plain.exp - plain.iat, 600);
  });
}
