import { resolved } from './schema.js';

/** @typedef {import('./schema.js').Json} Json */

/**
 * Operation of the HTTP API.
 * @typedef {object} Operation
 * @property {string} hash  Anchor.
 * @property {string} method
 * @property {string} path
 * @property {Json} it  Description in the document.
 * @property {Json[]} parameters
 */

/**
 * Message of the WebSocket.
 * @typedef {object} Message
 * @property {string} hash
 * @property {string} name
 * @property {Json} it
 * @property {string[]} channels  Addresses of the WebSockets that carry it.
 */

/**
 * Result of a search.
 * @typedef {object} Found
 * @property {string} kind
 * @property {string} title
 * @property {string} detail
 * @property {string} hash
 */

/** @type {Record<string, string>} */
const TITLES = {
  publish: 'Publish',
  inbox: 'Inbox',
  feeds: 'Live feeds',
  admin: 'Administration',
  operations: 'Operations',
};

/** Words for `x-who`. @type {Record<string, string>} */
export const CALLERS = {
  nobody: 'no identity',
  user: 'the user',
  other: 'another user, who gets 404 for what is not theirs',
  publisher: 'API key with the scope publish',
  admin: 'administrator',
};

/** Kinds of what is only a part of an operation or a schema. */
const PARTS = ['Parameter', 'Member'];

/** Both documents, by what the page shows of them. */
export class Model {
  /**
   * @param {Json} http  OpenAPI.
   * @param {Json} socket  AsyncAPI.
   */
  constructor(http, socket) {
    this.http = http;
    this.socket = socket;
    /** @type {Operation[]} */
    this.operations = Object.entries(http.paths).flatMap(([path, methods]) =>
      Object.entries(methods)
        .filter(([, it]) => it.operationId)
        .map(([method, it]) => ({
          hash: `${method}-${path}`,
          method: method.toUpperCase(),
          path,
          it,
          parameters: [...(methods.parameters ?? []), ...(it.parameters ?? [])],
        })),
    );
    this.tags = http.tags.map((/** @type {Json} */ tag) => ({
      id: tag.name,
      title: TITLES[tag.name] ?? tag.name,
      description: tag.description,
      operations: this.operations.filter(({ it }) => it.tags?.includes(tag.name)),
    }));
    this.fromHub = this.messages('send');
    this.toHub = this.messages('receive');
    /** @type {[string, Json][]} */
    this.schemas = Object.entries(http.components.schemas);
    this.found = this.index();
  }

  /**
   * Returns the messages of a direction, each once.
   * @param {'send' | 'receive'} action
   */
  messages(action) {
    /** @type {Map<string, Message>} */
    const known = new Map();
    for (const operation of /** @type {Json[]} */ (Object.values(this.socket.operations))) {
      if (operation.action !== action) continue;
      const { address } = resolved(this.socket, operation.channel);
      for (const reference of operation.messages) {
        const it = resolved(this.socket, reference);
        /** @type {Message} */
        const fresh = { hash: it.name, name: it.name, it, channels: [] };
        const message = known.get(it.name) ?? fresh;
        message.channels.push(address);
        known.set(it.name, message);
      }
    }
    return [...known.values()];
  }

  /** Returns what the search looks through. @returns {Found[]} */
  index() {
    const operations = this.operations.flatMap(({ hash, method, path, it, parameters }) => [
      { kind: 'Operation', title: `${method} ${path}`, detail: it.summary, hash },
      ...parameters.map((one) => ({
        kind: 'Parameter',
        title: one.name,
        detail: `${method} ${path}: ${one.description ?? ''}`,
        hash,
      })),
    ]);
    const schemas = this.schemas.flatMap(([name, schema]) => [
      { kind: 'Schema', title: name, detail: schema.description ?? '', hash: `schema-${name}` },
      ...Object.entries(schema.properties ?? {}).map(([member, of]) => ({
        kind: 'Member',
        title: member,
        detail: `${name}: ${of.description ?? [of.type ?? ''].flat().join(' or ')}`,
        hash: `schema-${name}`,
      })),
    ]);
    const messages = [...this.fromHub, ...this.toHub].map(({ hash, name, it }) => ({
      kind: 'Message',
      title: name,
      detail: it.title ?? '',
      hash,
    }));
    return [...operations, ...messages, ...schemas];
  }

  /**
   * Returns what has all the words, the best first.
   * @param {string} query
   */
  search(query) {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    if (!words.length) return [];
    const whole = query.trim().toLowerCase();
    const rank = (/** @type {Found} */ { kind, title: name }) => {
      const title = name.toLowerCase();
      // An operation is often named by the end of its path.
      const isNamed = title === whole || (kind === 'Operation' && title.endsWith(`/${whole}`));
      const isPart = PARTS.includes(kind);
      if (isNamed) return isPart ? 3 : 0;
      if (title.startsWith(words[0])) return isPart ? 4 : 1;
      return words.every((word) => title.includes(word)) ? 2 + Number(isPart) * 3 : 6;
    };
    return this.found
      .filter((one) => {
        const text = `${one.kind} ${one.title} ${one.detail}`.toLowerCase();
        return words.every((word) => text.includes(word));
      })
      .sort((left, right) => rank(left) - rank(right));
  }
}
