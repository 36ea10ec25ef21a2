import { identity, identityQuery } from './identity.js';

/**
 * Request as the form describes it.
 * @typedef {object} Call
 * @property {string} method
 * @property {string} path  With the values of its parameters.
 * @property {[string, string][]} query
 * @property {[string, string][]} headers
 * @property {string} [body]
 * @property {boolean} [asService]  True if no user sends it without a role.
 */

/** Variable of the environment from which the code reads the token. */
const VARIABLE = 'LONCENG_TOKEN';

/**
 * Returns the URL of a request, with the identity where that is a query parameter.
 * @param {Call} call
 */
export function urlOf(call) {
  const url = new URL(call.path, location.origin);
  for (const [name, value] of [...call.query, ...identityQuery(call.asService)])
    if (!url.searchParams.has(name) || name === 'filters') url.searchParams.append(name, value);
  return url.href;
}

/** @param {string} text */
const shell = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** Returns whether the request carries a token. */
const hasToken = () => identity().kind === 'token';

/** @param {Call} call */
function curl(call) {
  const lines = [
    `curl -sS ${call.method === 'GET' ? '' : `-X ${call.method} `}${shell(urlOf(call))}`,
  ];
  if (hasToken()) lines.push(`-H "Authorization: Bearer $${VARIABLE}"`);
  for (const [name, value] of call.headers) lines.push(`-H ${shell(`${name}: ${value}`)}`);
  if (call.body) lines.push(`--data-binary ${shell(call.body)}`);
  return lines.join(' \\\n  ');
}

/**
 * Returns the body as an expression if it is JSON, as a string otherwise.
 * @param {string} body
 * @param {(value: any) => string} expression
 * @param {(value: any) => string} text
 */
function bodyOf(body, expression, text) {
  try {
    return expression(JSON.parse(body));
  } catch {
    return text(body);
  }
}

/**
 * @param {string} text
 * @param {string} by
 */
const indented = (text, by) => text.replaceAll('\n', `\n${by}`);

/** @param {Call} call */
function javascript(call) {
  const headers = call.headers.map(
    ([name, value]) => `    ${JSON.stringify(name)}: ${JSON.stringify(value)},`,
  );
  if (hasToken()) headers.unshift(`    authorization: \`Bearer \${process.env.${VARIABLE}}\`,`);
  const options = [];
  if (call.method !== 'GET') options.push(`  method: '${call.method}',`);
  if (headers.length) options.push('  headers: {', ...headers, '  },');
  if (call.body)
    options.push(
      `  body: ${bodyOf(
        call.body,
        (value) => `JSON.stringify(${indented(JSON.stringify(value, null, 2), '  ')})`,
        JSON.stringify,
      )},`,
    );
  const start = `const response = await fetch(${JSON.stringify(urlOf(call))}`;
  const request = options.length ? `${start}, {\n${options.join('\n')}\n});` : `${start});`;
  return `${request}\nconsole.log(response.status, await response.text());`;
}

/**
 * Returns a JSON value as a Python literal.
 * @param {any} value
 * @param {string} [margin]
 * @returns {string}
 */
function python(value, margin = '') {
  const inner = `${margin}    `;
  if (value === null) return 'None';
  if (value === true) return 'True';
  if (value === false) return 'False';
  const list = (/** @type {string[]} */ parts, /** @type {string} */ ends) =>
    parts.length ? `${ends[0]}\n${inner}${parts.join(`,\n${inner}`)},\n${margin}${ends[1]}` : ends;
  if (Array.isArray(value))
    return list(
      value.map((one) => python(one, inner)),
      '[]',
    );
  if (typeof value === 'object')
    return list(
      Object.entries(value).map(([name, of]) => `${JSON.stringify(name)}: ${python(of, inner)}`),
      '{}',
    );
  return JSON.stringify(value);
}

/** @param {Call} call */
function pythonCode(call) {
  const headers = call.headers.map(
    ([name, value]) => `    ${JSON.stringify(name)}: ${JSON.stringify(value)},`,
  );
  if (hasToken()) headers.unshift(`    "Authorization": f"Bearer {os.environ['${VARIABLE}']}",`);
  const given = [`    ${JSON.stringify(urlOf(call))},`, `    method="${call.method}",`];
  if (headers.length)
    given.push('    headers={', ...headers.map((line) => `    ${line}`), '    },');
  const asJson =
    call.body &&
    bodyOf(
      call.body,
      () => 'json',
      () => '',
    );
  if (call.body)
    given.push(
      `    data=${bodyOf(
        call.body,
        (value) => `json.dumps(${python(value, '    ')}).encode()`,
        (text) => `${JSON.stringify(text)}.encode()`,
      )},`,
    );
  const imports = [asJson && 'import json', hasToken() && 'import os', 'import urllib.request'];
  return [
    ...imports.filter(Boolean),
    '',
    'request = urllib.request.Request(',
    ...given,
    ')',
    'with urllib.request.urlopen(request) as response:',
    '    print(response.status, response.read().decode())',
  ].join('\n');
}

/**
 * Languages of the code, by the name of their tab.
 * @type {Record<string, (call: Call) => string>}
 */
export const LANGUAGES = { curl, JavaScript: javascript, Python: pythonCode };

/** Returns what the reader does before the code runs, if there is something. */
export const preparation = () => (hasToken() ? `export ${VARIABLE}=…` : '');
