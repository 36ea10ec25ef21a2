import { BODIES } from './bodies.js';
import { example } from './schema.js';
import { h, prose } from './dom.js';
import { authorization } from './identity.js';
import { urlOf } from './samples.js';

/** @typedef {import('./schema.js').Json} Json */
/** @typedef {import('./model.js').Operation} Operation */
/** @typedef {import('./samples.js').Call} Call */

/** Lists in which an ID of a path is found, and the member that has it. */
const SOURCES = /** @type {[RegExp, string, string, string][]} */ ([
  [/^\/api\/v1\/notifications\/\{id\}/, 'id', '/api/v1/notifications?limit=1', 'notification_id'],
  [/^\/api\/v1\/admin\/types\/\{code\}/, 'code', '/api/v1/admin/types', 'code'],
  [/\/clients\/\{client_id\}/, 'client_id', '/api/v1/admin/clients', 'client_id'],
  [/\/directory\/\{user_id\}/, 'user_id', '/api/v1/admin/directory?limit=1', 'user_id'],
  [/\/dead-letters\/\{id\}/, 'id', '/api/v1/admin/dead-letters?limit=1', 'id'],
  [/\/deliveries\/\{id\}/, 'id', '/api/v1/admin/deliveries?limit=1', 'delivery_id'],
  [/\/jobs\/\{id\}/, 'id', '/api/v1/admin/jobs', 'id'],
]);

/**
 * Returns whether an operation is for publishers or administrators only.
 * @param {Operation} operation
 */
const isForServices = ({ it }) => !it['x-who']?.includes('user');

/**
 * @param {string} text
 * @param {HTMLElement} input
 */
const labelled = (text, input) =>
  h('div', { class: 'field' }, h('label', {}, h('span', {}, text), input));

/**
 * @param {Json} parameter
 * @param {HTMLElement} input
 */
function parameterField({ name, in: place, required, description }, input) {
  const where = ` ${place}${required ? ', required' : ''}`;
  return h(
    'div',
    { class: 'field' },
    h('label', {}, h('span', {}, h('code', {}, name), where), input),
    description && h('p', { class: 'hint' }, ...prose(description)),
  );
}

/** Form of an operation's parameters and body. */
export class RequestForm {
  /**
   * @param {Json} http
   * @param {Operation} operation
   * @param {() => void} onChange
   * @param {(() => unknown)} [firstBody]  Body instead of the example of the document.
   */
  constructor(http, operation, onChange, firstBody) {
    this.http = http;
    this.operation = operation;
    this.content = operation.it.requestBody?.content ?? {};
    this.types = Object.keys(this.content).sort(
      (left, right) => Number(right === 'application/json') - Number(left === 'application/json'),
    );
    this.firstBody = firstBody;
    /** @type {Map<Json, any>} */
    this.fields = new Map(operation.parameters.map((one) => [one, this.input(one)]));
    this.type = h('select', {}, ...this.types.map((type) => h('option', {}, type)));
    this.body = h('textarea', { rows: 8, spellcheck: false, value: this.bodyExample() });
    this.type.addEventListener('change', () => (this.body.value = this.bodyExample()));
    this.element = h(
      'div',
      { class: 'form', oninput: onChange, onchange: onChange },
      ...this.parts(),
    );
    this.onChange = onChange;
  }

  /** @param {Json} parameter */
  input({ name, schema = {}, required, in: place }) {
    const first = required || place === 'path' ? example(this.http, schema, name) : '';
    const value = typeof first === 'object' ? '' : String(first);
    if (schema.enum && place !== 'path')
      return h(
        'select',
        {},
        h('option', { value: '' }, ''),
        ...schema.enum.map((/** @type {string} */ one) =>
          h('option', { selected: one === value }, one),
        ),
      );
    const number = schema.type === 'integer';
    const placeholder = schema.type === 'object' ? 'course_id=PIANO-101' : (schema.default ?? '');
    return h('input', {
      type: number ? 'number' : 'text',
      ...(number && { min: schema.minimum ?? '', max: schema.maximum ?? '' }),
      value,
      placeholder: String(placeholder),
      required: Boolean(required),
      spellcheck: false,
      autocomplete: 'off',
    });
  }

  bodyExample() {
    if (this.firstBody) return JSON.stringify(this.firstBody(), null, 2);
    const type = this.type.value || this.types[0];
    const { schema, examples } = this.content[type] ?? {};
    const given = /** @type {any} */ (Object.values(examples ?? {})[0])?.value;
    const value = given ?? BODIES[this.operation.it.operationId] ?? example(this.http, schema);
    if (type?.includes('ndjson')) {
      const rows = typeof value === 'object' ? Object.values(value).find(Array.isArray) : null;
      return (rows ?? [value]).map((/** @type {any} */ row) => JSON.stringify(row)).join('\n');
    }
    return typeof value === 'string' ? value : JSON.stringify(value, null, 2);
  }

  /** Fields; what is optional beside a body is folded away. */
  parts() {
    const all = [...this.fields].map(([one, input]) => ({ one, part: parameterField(one, input) }));
    const needed = (/** @type {{ one: Json }} */ { one }) =>
      one.in === 'path' || one.required || !this.types.length;
    const optional = all.filter((field) => !needed(field));
    return [
      ...all.filter(needed).map(({ part }) => part),
      this.source() && this.fillButton(),
      this.types.length > 1 && labelled('Media type', this.type),
      this.types.length > 0 && labelled('Body', this.body),
      optional.length > 0 &&
        h(
          'details',
          {},
          h('summary', {}, `Optional parameters (${optional.length})`),
          ...optional.map(({ part }) => part),
        ),
    ];
  }

  source() {
    return SOURCES.find(([path]) => path.test(this.operation.path));
  }

  /** Button that takes the ID in the path from what the hub has. */
  fillButton() {
    const said = h('span', { role: 'status', class: 'hint' });
    const fill = async () => {
      const [, name, list, member] = /** @type {any} */ (this.source());
      const [path, query] = list.split('?');
      const call = {
        ...{ method: 'GET', path, query: [...new URLSearchParams(query)], headers: [] },
        asService: isForServices(this.operation),
      };
      const answer = await this.send(call).then((response) => response.json());
      const entries = Array.isArray(answer) ? answer : Object.values(answer).find(Array.isArray);
      const field = [...this.fields].find(([one]) => one.name === name)?.[1];
      const id = entries?.[0]?.[member];
      said.textContent = id === undefined ? (answer.detail ?? 'The hub has none.') : '';
      if (id === undefined || !field) return;
      field.value = id;
      this.onChange();
    };
    const onclick = () => void fill().catch((error) => (said.textContent = String(error)));
    return h(
      'p',
      {},
      h('button', { type: 'button', onclick }, 'Use one that the hub has'),
      ' ',
      said,
    );
  }

  /**
   * Sends a request as the reader's identity.
   * @param {Call} call
   * @param {AbortSignal} [signal]
   */
  send(call, signal) {
    return fetch(urlOf(call), {
      method: call.method,
      headers: [...call.headers, ...authorization()],
      body: call.body,
      signal,
    });
  }

  /** Request that the form describes. @returns {Call} */
  call() {
    let { path } = this.operation;
    /** @type {Call} */
    const call = {
      ...{ method: this.operation.method, path, query: [], headers: [] },
      asService: isForServices(this.operation),
    };
    for (const [{ name, in: place, schema }, { value }] of this.fields) {
      if (place === 'path') path = path.replace(`{${name}}`, encodeURIComponent(value));
      else if (value === '') continue;
      else if (schema?.type === 'object') call.query.push(...new URLSearchParams(value));
      else (place === 'header' ? call.headers : call.query).push([name, value]);
    }
    call.path = path;
    if (this.types.length && this.body.value.trim()) {
      call.headers.push(['Content-Type', this.type.value || this.types[0]]);
      call.body = this.body.value;
    }
    return call;
  }
}
