import { Client } from '@lonceng/client';
import type { Notification, Options, Status, Tab } from '@lonceng/client';

/** State of the inbox at one moment. Never changes; the next state is another object. */
export interface InboxState {
  /** Notifications of the list, newest first. */
  readonly items: readonly Notification[];
  /** Archived notifications that are loaded, newest first. */
  readonly archived: readonly Notification[];
  /** Number of unread notifications. */
  readonly unread: number;
  /** Number of unread notifications that were never displayed. */
  readonly unseen: number;
  /** Status of the connection. */
  readonly status: Status;
  /** Reason of the status, for logs. */
  readonly reason: string;
}

/** Progress of loading a tab. */
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
  items: [],
  archived: [],
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

/** Notifications of a state that a tab shows. */
export function itemsOf(state: InboxState, tab: Tab): readonly Notification[] {
  if (tab === 'archived') return state.archived;
  return tab === 'unread' ? state.items.filter((item) => item.status === 'unread') : state.items;
}

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
  #pages = new Map<Tab, Page>();
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

  /** Progress of a tab; the same object until it changes. */
  getPage(tab: Tab): Page {
    return this.#pages.get(tab) ?? INITIAL_PAGE;
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
    this.#pages = new Map();
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

  /** Loads the first page of a tab, unless that was done. */
  async loadFirst(tab: Tab): Promise<void> {
    if (!this.getPage(tab).isLoaded) await this.load(tab);
  }

  /** Loads the next page of a tab. */
  async load(tab: Tab): Promise<void> {
    const client = this.#client;
    const page = this.getPage(tab);
    if (!client || page.isLoading || (page.isLoaded && !page.hasMore)) return;
    this.#setPage(client, tab, { ...page, isLoading: true, error: null });
    const before = itemsOf(this.getState(), tab).length;
    let cursor = page.cursor;
    try {
      // Skips pages that are already loaded through the connection.
      do cursor = await client.loadOlder(cursor, tab);
      while (
        cursor &&
        page.isLoaded &&
        client === this.#client &&
        itemsOf(this.getState(), tab).length === before
      );
      const hasMore = cursor !== null;
      this.#setPage(client, tab, {
        hasMore,
        isLoading: false,
        error: null,
        isLoaded: true,
        cursor,
      });
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      this.#setPage(client, tab, { ...page, isLoading: false, error });
    }
  }

  #setPage(client: Client, tab: Tab, page: Page) {
    // The page may be one of an earlier user.
    if (client !== this.#client) return;
    this.#pages.set(tab, page);
    this.#tell();
  }

  #changed(client: Client) {
    if (client !== this.#client) return;
    this.#state = null;
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
    const { items, archived, unread, unseen } = client;
    return { items, archived, unread, unseen, status, reason };
  }

  #close() {
    this.#client?.close();
    this.#client = null;
    this.#state = INITIAL_STATE;
    this.#pages = new Map();
    this.#tell();
  }
}

/** Options that need another connection when they change. */
function identity({ hub, userId, login, role, auth, share, getToken }: Options): string {
  return JSON.stringify([hub, userId, login, role, auth, share, Boolean(getToken)]);
}
