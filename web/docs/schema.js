import { h, prose } from './dom.js';

/** @typedef {Record<string, any>} Json  Part of a document. */

/** Values that a reader recognises, by the name of a property or a parameter. */
const KNOWN = /** @type {Json} */ ({
  user_id: 'budi',
  login: 'budi',
  username: 'budi',
  name: 'Budi',
  email: 'budi@example.com',
  actor_id: 'rina',
  recipient_id: 'budi',
  type_code: 'NOTE_CREATED',
  code: 'NOTE_CREATED',
  feed: 'availability',
  channel: 'email',
  event_id: 'note-17',
  display_name: 'Note created',
  template: 'You created a note: "{title}"',
  title: 'Shopping list',
  message: 'You created a note: "Shopping list"',
  locale: 'en',
  role: 'user',
  roles: ['user'],
  instance: 'hub-1',
  epoch: '0197a3e0',
  stream_id: 'user:budi',
  notification_id: '0197a3e0-0000-7000-8000-000000000001',
  client_id: '0197a3e0-0000-7000-8000-000000000002',
  action_url: '/notes/17',
  category: 'Notes',
  icon: 'https://example.com/note.png',
  entity_type: 'note',
  entity_id: '17',
  source: 'notes',
  label: 'Open',
  url: '/notes/17',
  unread: 1,
  unseen: 1,
  filters: { course_id: ['PIANO-101'] },
});

/**
 * Resolves the references of a part of a document.
 * @param {Json} whole
 * @param {any} part
 * @returns {any}
 */
export function resolved(whole, part) {
  if (!part?.$ref) return part;
  const steps = part.$ref.slice(2).split('/');
  const plain = (/** @type {string} */ step) => step.replaceAll('~1', '/').replaceAll('~0', '~');
  return resolved(
    whole,
    steps.reduce((/** @type {any} */ at, /** @type {string} */ step) => at?.[plain(step)], whole),
  );
}

/**
 * Returns whether a value may stand where a schema wants something.
 * @param {Json} schema
 * @param {any} value
 */
function fits(schema, value) {
  const types = [schema.type ?? []].flat();
  const type = Array.isArray(value) ? 'array' : Number.isInteger(value) ? 'integer' : typeof value;
  return types.includes(type) && !schema.enum && schema.format !== 'date-time';
}

/**
 * Returns the example of an object: its required members, or all if it requires none. The content
 * of a message, `data`, is always there.
 * @param {Json} whole
 * @param {Json} schema
 * @param {number} depth
 */
function objectExample(whole, schema, depth) {
  if (depth > 4) return {};
  const required = schema.required ?? [];
  const members = Object.entries(schema.properties ?? {}).filter(
    ([name]) => required.includes(name) || !required.length || name === 'data',
  );
  return Object.fromEntries(
    members.map(([name, of]) => [name, example(whole, of, name, depth + 1)]),
  );
}

/**
 * Returns an example of what a schema describes.
 * @param {Json} whole
 * @param {Json | undefined} schema
 * @param {string} [name]  Name of the member that has this schema.
 * @param {number} [depth]
 * @returns {any}
 */
export function example(whole, schema, name = '', depth = 0) {
  const it = resolved(whole, schema) ?? {};
  if (it.examples) return it.examples[0];
  if ('const' in it) return it.const;
  if (name in KNOWN && fits(it, KNOWN[name])) return KNOWN[name];
  if ('default' in it) return it.default;
  if (it.enum) return it.enum[0];
  if (it.allOf)
    return Object.assign(
      {},
      ...[...it.allOf, { properties: it.properties, required: it.required }].map((part) =>
        example(whole, part, name, depth),
      ),
    );
  const choice = it.oneOf ?? it.anyOf;
  if (choice) {
    const known = choice.find((/** @type {Json} */ one) => name in KNOWN && fits(one, KNOWN[name]));
    if (known) return KNOWN[name];
    // A user ID is a number or a text.
    if (name === 'id' && choice.length === 2) return KNOWN.user_id;
    return example(whole, choice[0], name, depth);
  }
  const type = [it.type].flat()[0];
  if (type === 'object' || it.properties) return objectExample(whole, it, depth);
  if (type === 'array') return it.items ? [example(whole, it.items, name, depth + 1)] : [];
  if (type === 'integer' || type === 'number') return it.minimum ?? 1;
  if (type === 'boolean') return true;
  if (it.format === 'date-time') return '2026-01-01T00:00:00Z';
  if (it.format === 'uuid') return '0197a3e0-0000-7000-8000-000000000001';
  return type === 'string' ? 'text' : null;
}

/**
 * Returns the name of the schema that a reference leads to.
 * @param {any} schema
 * @returns {string | null}
 */
const referred = (schema) => /^#\/components\/schemas\/(.+)$/.exec(schema?.$ref ?? '')?.[1] ?? null;

/**
 * Returns the type of a schema as words and links.
 * @param {Json | undefined} schema
 * @returns {import('./dom.js').Child[]}
 */
export function typeOf(schema) {
  if (!schema) return ['anything'];
  const name = referred(schema);
  if (name) return [h('a', { href: `#schema-${name}` }, name)];
  if (schema.items) return ['array of ', ...typeOf(schema.items)];
  const choice = schema.oneOf ?? schema.anyOf ?? schema.allOf;
  if (choice) {
    const between = schema.allOf ? ' and ' : ' or ';
    return choice.flatMap((/** @type {Json} */ one, /** @type {number} */ at) => [
      at > 0 && between,
      ...typeOf(one),
    ]);
  }
  if ('const' in schema) return [h('code', {}, JSON.stringify(schema.const))];
  const types = [schema.type ?? (schema.properties ? 'object' : 'anything')].flat();
  return [types.join(' or ') + (schema.format ? ` (${schema.format})` : '')];
}

/**
 * Returns the limits of a schema as words.
 * @param {Json} schema
 * @returns {string}
 */
export function limits(schema) {
  const words = [];
  if (schema.enum)
    words.push(`One of ${schema.enum.map((/** @type {any} */ one) => `\`${one}\``).join(', ')}.`);
  if ('default' in schema) words.push(`Default: \`${JSON.stringify(schema.default)}\`.`);
  for (const [key, text] of [
    ['minimum', 'At least'],
    ['maximum', 'At most'],
    ['minLength', 'Shortest length'],
    ['maxLength', 'Longest length'],
    ['minItems', 'Fewest entries'],
    ['maxItems', 'Most entries'],
  ])
    if (key in schema) words.push(`${text}: ${schema[key]}.`);
  if (schema.pattern) words.push(`Pattern: \`${schema.pattern}\`.`);
  return words.join(' ');
}

/**
 * Returns the members of a schema as a list, nested ones within.
 * @param {Json | undefined} schema
 * @returns {HTMLElement | null}
 */
export function schemaView(schema) {
  if (!schema || schema.$ref) return schema ? h('p', {}, ...typeOf(schema)) : null;
  if (schema.items) {
    const members = schemaView(schema.items);
    return h('div', {}, h('p', {}, ...typeOf(schema)), schema.items.$ref ? null : members);
  }
  const parts = schema.allOf ?? schema.oneOf ?? schema.anyOf;
  const members = Object.entries(schema.properties ?? {}).map(([name, of]) =>
    member(name, of, (schema.required ?? []).includes(name)),
  );
  if (!members.length && !parts) return h('p', {}, ...typeOf(schema));
  return h(
    'div',
    {},
    parts &&
      h(
        'p',
        {},
        schema.allOf ? 'Everything of: ' : 'One of: ',
        ...typeOf({ ...schema, properties: null }),
      ),
    members.length > 0 && h('ul', { class: 'members' }, ...members),
  );
}

/**
 * @param {string} name
 * @param {Json} schema
 * @param {boolean} required
 */
function member(name, schema, required) {
  const inner = schema.items ?? schema;
  const nested = inner.properties && !inner.$ref;
  const text = [schema.description, limits(schema)].filter(Boolean).join(' ');
  return h(
    'li',
    {},
    h('code', { class: 'name' }, name),
    ' ',
    h('span', { class: 'type' }, ...typeOf(schema)),
    required && h('span', { class: 'required' }, ' required'),
    text && h('p', {}, ...prose(text)),
    nested && schemaView(inner),
  );
}
