import { Client } from '@lonceng/client';
import type { Filter, Notification, Options, Status } from '@lonceng/client';

/** State of the inbox at one moment. Never changes; the next state is another object. */
export interface InboxState {
  /** Number of unread notifications. */
  readonly unread: number;
  /** Number of unread notifications that were never displayed. */
  readonly unseen: number;
  /** Status of the connection. */
  readonly status: Status;
  /** Reason of the status, for logs. */
  readonly reason: string;
}

/** Progress of loading the notifications that a filter selects. */
export interface Page {
  /** True if there are older notifications to load. */
  readonly hasMore: boolean;
  /** True while a page is being loaded. */
  readonly isLoading: boolean;
  /** Error of the last attempt; null if it succeeded. */
  readonly error: Error | null;
  /** True once the first page is loaded. */
  readonly isLoaded: boolean;
  /** Cursor of the next page. */
  readonly cursor: string | null;
}

/** State before the connection, and on a server. */
export const INITIAL_STATE: InboxState = {
  unread: 0,
  unseen: 0,
  status: 'connecting',
  reason: '',
};

/** Progress before the first page. */
export const INITIAL_PAGE: Page = {
  hasMore: false,
  isLoading: false,
  error: null,
  isLoaded: false,
  cursor: null,
};

/** Notifications before the connection. */
export const NO_ITEMS: readonly Notification[] = [];

const keyOf = ({ tab, category, q }: Filter) => JSON.stringify([tab, category, q]);

/** User that a token names; undefined if it is not a JSON Web Token. */
function subject(token: string | undefined): unknown {
  try {
    const claims = (token ?? '').split('.')[1].replaceAll('-', '+').replaceAll('_', '/');
    return JSON.parse(atob(claims)).sub;
  } catch {
    return undefined;
  }
}

/**
 * Connection of one provider, and its state for React. It connects when it is configured, outlives
 * the remounts of StrictMode, and closes when the provider is unmounted.
 */
export class InboxStore {
  #options: Options = {};
  #client: Client | null = null;
  #state: InboxState | null = INITIAL_STATE;
  /** By the key of the filter, until the next change. */
  #items = new Map<string, readonly Notification[]>();
  /** By the key of the filter. */
  #pages = new Map<string, Page>();
  /** Generation of the live inbox that the pages belong to. */
  #generation = 0;
  #listeners = new Set<() => void>();
  #isUsed = false;

  /** Calls the listener after each change. Returns a function that ends that. */
  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Live inbox; null before the connection. */
  getClient = (): Client | null => this.#client;

  /** Present state; the same object until something changes. */
  getState = (): InboxState => {
    this.#state ??= this.#read();
    return this.#state;
  };

  /** Loaded notifications that a filter selects, newest first; the same list until it changes. */
  getItems(filter: Filter): readonly Notification[] {
    if (!this.#client?.mayShow) return NO_ITEMS;
    const key = keyOf(filter);
    const items = this.#items.get(key) ?? this.#client.matching(filter);
    this.#items.set(key, items);
    return items;
  }

  /** Progress of a filter; the same object until it changes. */
  getPage(filter: Filter): Page {
    return this.#pages.get(keyOf(filter)) ?? INITIAL_PAGE;
  }

  /** Connects with these options, unless that is done already. Returns the live inbox. */
  configure(options: Options): Client {
    const before = this.#options;
    if (this.#client && options === before) return this.#client;
    this.#options = options;
    const same = identity(options) === identity(before);
    if (this.#client && same) {
      if (options.token === before.token) return this.#client;
      const user = subject(options.token);
      if (options.token && this.#client.mayShow && user && user === subject(before.token)) {
        this.#client.useToken(options.token);
        return this.#client;
      }
    }
    this.#client?.close();
    const client = new Client(options);
    client.addEventListener('change', () => this.#changed(client));
    this.#client = client;
    this.#startOver(client);
    this.#changed(client);
    return client;
  }

  /** Keeps the connection open. Returns a function that closes it unless it is kept again. */
  retain(): () => void {
    this.#isUsed = true;
    return () => {
      this.#isUsed = false;
      // StrictMode mounts again at once.
      queueMicrotask(() => this.#isUsed || this.#close());
    };
  }

  /** Loads the first page of a filter, unless that was done. */
  async loadFirst(filter: Filter): Promise<void> {
    if (!this.getPage(filter).isLoaded) await this.load(filter);
  }

  /** Loads the next page of a filter. */
  async load(filter: Filter): Promise<void> {
    const client = this.#client;
    const page = this.getPage(filter);
    if (!client || page.isLoading || (page.isLoaded && !page.hasMore)) return;
    const generation = this.#generation;
    const hasStartedOver = () => client === this.#client && generation !== this.#generation;
    this.#setPage(client, filter, { ...page, isLoading: true, error: null });
    const before = client.matching(filter).length;
    let cursor = page.cursor;
    try {
      // Skips pages that are already loaded through the connection.
      do cursor = await client.loadOlder(cursor, filter);
      while (
        cursor &&
        page.isLoaded &&
        client === this.#client &&
        !hasStartedOver() &&
        client.matching(filter).length === before
      );
      if (hasStartedOver()) return this.load(filter);
      const hasMore = cursor !== null;
      this.#setPage(client, filter, {
        hasMore,
        isLoading: false,
        error: null,
        isLoaded: true,
        cursor,
      });
    } catch (thrown) {
      if (hasStartedOver()) return this.load(filter);
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      this.#setPage(client, filter, { ...page, isLoading: false, error });
    }
  }

  #setPage(client: Client, filter: Filter, page: Page) {
    // The page may be one of an earlier user.
    if (client !== this.#client) return;
    this.#pages.set(keyOf(filter), page);
    this.#tell();
  }

  #startOver({ generation }: Client) {
    this.#generation = generation;
    this.#pages = new Map();
  }

  #changed(client: Client) {
    if (client !== this.#client) return;
    if (client.generation !== this.#generation) this.#startOver(client);
    this.#state = null;
    this.#items.clear();
    this.#tell();
  }

  #tell() {
    for (const listener of [...this.#listeners]) listener();
  }

  #read(): InboxState {
    const client = this.#client;
    if (!client) return INITIAL_STATE;
    const { status, reason } = client;
    if (!client.mayShow) return { ...INITIAL_STATE, status, reason };
    const { unread, unseen } = client;
    return { unread, unseen, status, reason };
  }

  #close() {
    this.#client?.close();
    this.#client = null;
    this.#state = INITIAL_STATE;
    this.#items.clear();
    this.#pages = new Map();
    this.#tell();
  }
}

/** Options that need another connection when they change. */
function identity({ hub, userId, login, role, auth, share, getToken }: Options): string {
  return JSON.stringify([hub, userId, login, role, auth, share, Boolean(getToken)]);
}
