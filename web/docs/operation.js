import { breakable, codeBlock, h, paragraphs, prose, table } from './dom.js';
import { CALLERS } from './model.js';
import { RequestPanel } from './request-panel.js';
import { example, limits, resolved, schemaView, typeOf } from './schema.js';

/** @typedef {import('./schema.js').Json} Json */

/**
 * Article that opens and closes.
 * @typedef {object} Entry
 * @property {string} hash
 * @property {string} title
 * @property {HTMLElement} article
 * @property {(open: boolean) => void} toggle
 */

/**
 * Returns an article whose body is built when it is first opened.
 * @param {{ hash: string, title: string, level: number, head: import('./dom.js').Child[],
 *   build: () => import('./dom.js').Child[] }} parts
 * @returns {Entry}
 */
export function collapsible({ hash, title, level, head, build }) {
  const body = h('div', { class: 'inside', hidden: true });
  body.id = `body:${hash}`;
  const button = h(
    'button',
    { type: 'button', class: 'opener', 'aria-expanded': 'false', 'aria-controls': body.id },
    ...head,
  );
  const link = h(
    'a',
    { class: 'anchor', href: `#${hash}`, 'aria-label': `Link to ${title}`, title: 'Link' },
    '#',
  );
  const article = h('article', { class: 'entry' }, h(`h${level}`, {}, button), link, body);
  article.id = hash;
  const toggle = (/** @type {boolean} */ open) => {
    if (open && !body.childNodes.length) body.append(...build().filter((part) => part));
    body.hidden = !open;
    button.setAttribute('aria-expanded', String(open));
  };
  button.addEventListener('click', () => {
    toggle(body.hidden);
    if (!body.hidden) history.replaceState(null, '', `#${hash}`);
  });
  return { hash, title, article, toggle };
}

/**
 * @param {Json} http
 * @param {import('./model.js').Operation} operation
 * @returns {Entry}
 */
export function operationEntry(http, operation) {
  const { hash, method, path, it } = operation;
  return collapsible({
    hash,
    title: `${method} ${path}`,
    level: 3,
    head: [
      h('span', { class: `method ${method.toLowerCase()}` }, method),
      ' ',
      h('code', { class: 'path' }, ...breakable(path)),
      h('span', { class: 'summary' }, it.summary),
    ],
    build: () => [
      h('div', { class: 'facts' }, ...facts(http, operation)),
      h('div', { class: 'try' }, ...trial(http, operation)),
    ],
  });
}

/**
 * @param {Json} http
 * @param {import('./model.js').Operation} operation
 */
function trial(http, operation) {
  if (operation.it.responses['101'])
    return [h('p', {}, 'See ', h('a', { href: '#websocket' }, 'WebSocket'), ' for its messages.')];
  return [h('h4', {}, 'Request'), new RequestPanel(http, operation).element];
}

/**
 * @param {Json} http
 * @param {import('./model.js').Operation} operation
 */
function facts(http, { it, parameters }) {
  const callers = (it['x-who'] ?? []).map((/** @type {string} */ who) => CALLERS[who] ?? who);
  return [
    ...paragraphs(it.description),
    callers.length > 0 && h('p', { class: 'who' }, `Who may use it: ${callers.join('; ')}.`),
    parameters.length > 0 && h('h4', {}, 'Parameters'),
    parameters.length > 0 &&
      table(
        ['Name', 'In', 'Type', 'Description'],
        parameters.map((one) => [
          [h('code', {}, one.name), one.required && h('span', { class: 'required' }, ' required')],
          one.in,
          typeOf(one.schema),
          prose([one.description, limits(one.schema ?? {})].filter(Boolean).join(' ')),
        ]),
      ),
    ...body(it.requestBody),
    h('h4', {}, 'Responses'),
    ...responses(http, it.responses),
  ];
}

/**
 * Returns the media types of a body, JSON first.
 * @param {Json} content
 */
const byUse = (content) =>
  Object.entries(content).sort(
    ([left], [right]) => Number(right === 'application/json') - Number(left === 'application/json'),
  );

/** @param {Json | undefined} requestBody */
function body(requestBody) {
  if (!requestBody) return [];
  return [
    h('h4', {}, requestBody.required ? 'Body' : 'Body, optional'),
    ...byUse(requestBody.content).flatMap(([type, { schema }]) => [
      h('p', {}, h('code', {}, type), ': ', ...typeOf(schema)),
      schema?.properties && schemaView(schema),
    ]),
  ];
}

/**
 * @param {Json} http
 * @param {Json} all
 */
function responses(http, all) {
  const rows = Object.entries(all).map(([status, reference]) => {
    const response = resolved(http, reference);
    const content = Object.entries(response.content ?? {});
    return [
      h('code', {}, status),
      content.flatMap(([type, { schema }]) => [
        ...(schema && type.includes('json') ? typeOf(schema) : [h('code', {}, type)]),
        ' ',
      ]),
      prose(response.description ?? ''),
    ];
  });
  const [status, good] = Object.entries(all).find(([code]) => code.startsWith('2')) ?? [];
  const schema = resolved(http, good)?.content?.['application/json']?.schema;
  return [
    table(['Status', 'Body', 'When'], rows),
    schema && codeBlock(`example of ${status}`, JSON.stringify(example(http, schema), null, 2)),
  ];
}

/**
 * @param {Json} http
 * @param {string} name
 * @param {Json} schema
 * @returns {Entry}
 */
export function schemaEntry(http, name, schema) {
  return collapsible({
    hash: `schema-${name}`,
    title: name,
    level: 3,
    head: [
      h('code', { class: 'path' }, name),
      h(
        'span',
        { class: 'summary' },
        (schema.description ?? '').split('. ')[0].replaceAll('`', ''),
      ),
    ],
    build: () => [
      h('div', { class: 'facts' }, ...paragraphs(schema.description), schemaView(schema)),
      h(
        'div',
        { class: 'try' },
        h('h4', {}, 'Example'),
        codeBlock(`example of ${name}`, JSON.stringify(example(http, schema), null, 2)),
      ),
    ],
  });
}

/**
 * @param {Json} socket
 * @param {import('./model.js').Message} message
 * @returns {Entry}
 */
export function messageEntry(socket, { hash, name, it, channels }) {
  return collapsible({
    hash,
    title: name,
    level: 4,
    head: [h('code', { class: 'path' }, name), h('span', { class: 'summary' }, it.title)],
    build: () => [
      h(
        'div',
        { class: 'facts' },
        ...paragraphs(it.description),
        h('p', { class: 'who' }, `On ${channels.join(' and ')}.`),
        schemaView(it.payload),
      ),
      h(
        'div',
        { class: 'try' },
        codeBlock(`example of ${name}`, JSON.stringify(example(socket, it.payload), null, 2)),
      ),
    ],
  });
}
