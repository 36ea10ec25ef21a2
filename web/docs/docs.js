/** Renders both documents as text, never as HTML. */

/**
 * @param {string} tag
 * @param {Record<string, string>} attributes
 * @param {...(Node|string|null|undefined|false)} children
 */
function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children.filter((child) => child || child === ''));
  return made;
}

const main = document.querySelector('main');
const nav = document.querySelector('nav');

/** Resolves a `$ref` within a document. */
function resolved(whole, part) {
  if (!part || !part.$ref) return part;
  const path = part.$ref
    .slice(2)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  return resolved(
    whole,
    path.reduce((at, step) => at?.[step], whole),
  );
}

/** Returns a minimal example of a schema. */
function example(whole, schema, depth = 0) {
  const it = resolved(whole, schema) ?? {};
  if (it.examples) return it.examples[0];
  if ('const' in it) return it.const;
  if (it.enum) return it.enum[0];
  if (it.allOf)
    return Object.assign(
      {},
      ...[...it.allOf, { properties: it.properties }].map((part) => example(whole, part, depth)),
    );
  if (it.oneOf) return example(whole, it.oneOf[0], depth);
  const type = Array.isArray(it.type) ? it.type[0] : it.type;
  if (type === 'object' || it.properties) {
    if (depth > 4) return {};
    return Object.fromEntries(
      Object.entries(it.properties ?? {}).map(([name, of]) => [
        name,
        example(whole, of, depth + 1),
      ]),
    );
  }
  if (type === 'array') return it.items ? [example(whole, it.items, depth + 1)] : [];
  if (type === 'integer') return it.minimum ?? 1;
  if (type === 'boolean') return true;
  if (it.format === 'date-time') return '2026-01-01T00:00:00Z';
  if (it.format === 'uuid') return '0197a3e0-0000-7000-8000-000000000001';
  return type === 'string' ? 'text' : null;
}

function table(head, rows) {
  return element(
    'table',
    {},
    element(
      'thead',
      {},
      element('tr', {}, ...head.map((text) => element('th', { scope: 'col' }, text))),
    ),
    element(
      'tbody',
      {},
      ...rows.map((row) => element('tr', {}, ...row.map((cell) => element('td', {}, cell)))),
    ),
  );
}

function json(value) {
  return element('pre', { tabindex: '0' }, JSON.stringify(value, null, 2));
}

function operation(whole, path, method, it, shared) {
  const id = `${method}-${path}`;
  const parameters = [...(shared ?? []), ...(it.parameters ?? [])];
  const body = it.requestBody?.content?.['application/json'];
  const answers = Object.entries(it.responses).map(([status, answer]) => [
    status,
    resolved(whole, answer).description ?? '',
  ]);
  const good = Object.entries(it.responses).find(([status]) => status.startsWith('2'))?.[1];
  const shape = resolved(whole, good)?.content?.['application/json']?.schema;
  const article = element(
    'article',
    { id },
    element(
      'h3',
      {},
      element('span', { class: 'method' }, method.toUpperCase()),
      ' ',
      element('code', {}, path),
    ),
    element('p', {}, it.summary),
    it.description && element('p', {}, it.description),
    element('p', { class: 'who' }, `Who: ${it['x-who'].join(', ')}`),
    parameters.length > 0 &&
      table(
        ['Parameter', 'In', 'What'],
        parameters.map((one) => [element('code', {}, one.name), one.in, one.description ?? '']),
      ),
    body && element('h4', {}, 'Body'),
    body && json(Object.values(body.examples ?? {})[0]?.value ?? example(whole, body.schema)),
    element('h4', {}, 'Answers'),
    table(['Status', 'When'], answers),
    shape && json(example(whole, shape)),
  );
  return {
    article,
    link: element('li', {}, element('a', { href: `#${id}` }, `${method.toUpperCase()} ${path}`)),
  };
}

function message(whole, name, direction) {
  const it = resolved(whole, whole.components.messages[name]);
  const article = element(
    'article',
    { id: name },
    element('h3', {}, element('code', {}, name)),
    element('p', {}, `${direction}. ${it.title}. ${it.description ?? ''}`),
    json(example(whole, it.payload)),
  );
  return { article, link: element('li', {}, element('a', { href: `#${name}` }, name)) };
}

function section(title, entries) {
  nav.append(element('h2', {}, title), element('ul', {}, ...entries.map((entry) => entry.link)));
  main.append(
    element(
      'section',
      { 'aria-label': title },
      element('h2', {}, title),
      ...entries.map((entry) => entry.article),
    ),
  );
}

const [http, socket] = await Promise.all(
  ['/openapi.json', '/asyncapi.json'].map((address) =>
    fetch(address).then((answer) => answer.json()),
  ),
);
main.replaceChildren(element('p', {}, http.info.description.replaceAll('`', '')));
for (const tag of http.tags) {
  const entries = Object.entries(http.paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, it]) => it.tags?.includes(tag.name))
      .map(([method, it]) => operation(http, path, method, it, methods.parameters)),
  );
  section(`${tag.name}: ${tag.description}`, entries);
}
const names = (one) =>
  socket.operations[one].messages.map((it) => it.$ref.split('/').pop().replaceAll('~1', '/'));
section(
  'WebSocket: from the hub',
  names('fromHub').map((name) => message(socket, name, 'From the hub')),
);
section(
  'WebSocket: to the hub',
  names('toHub').map((name) => message(socket, name, 'To the hub')),
);
