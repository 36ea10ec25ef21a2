// Lonceng, a notification hub: the browser component. MIT OR Apache-2.0.

/** How to reach the hub, and as whom. */
export interface Options {
  /** The hub's address; where the script came from by default. */
  hub?: string;
  /** A token; it travels as a WebSocket subprotocol, never in an address. */
  token?: string;
  /** Gets a token: asked before the first connection, before a token ends, and when one is refused. */
  getToken?: () => Promise<string>;
  /** The session cookie of the hub's site says who it is. */
  auth?: 'cookie';
  /** Dev sign-in: the user's id. */
  userId?: string;
  /** Dev sign-in: the name they sign in with. */
  login?: string;
  /** Dev sign-in: a role. */
  role?: string;
  /** Whether the tabs of a browser share one connection; true by default. */
  share?: boolean;
}

/** A notification as the hub sends it. */
export interface Notification {
  notification_id: string;
  stream_id: string;
  revision: number;
  type_code: string;
  title: string;
  /** Plain text: never insert it as HTML. */
  message: string;
  priority: 'LOW' | 'MEDIUM' | 'HIGH';
  source: string | null;
  actor_id: string | null;
  entity_type: string | null;
  entity_id: string | null;
  action_url: string | null;
  metadata: Record<string, unknown>;
  count: number;
  created_at: string;
  expires_at: string | null;
  status: 'unread' | 'read' | 'archived' | 'deleted' | 'auto_cleared';
  read: boolean;
  read_at: string | null;
  seen_at: string | null;
}

/** What a person wants. */
export interface Preferences {
  muted_types: string[];
  muted_channels: Record<string, Array<'email' | 'push'>>;
  email_enabled: boolean;
  push_enabled: boolean;
  quiet_hours: { from: string; to: string } | null;
  timezone: string | null;
  retention_days: number | null;
}

/**
 * How the connection is. `unauthorized`: nobody is signed in, or the sign-in has ended. `forbidden`: the hub does not let pages
 * of this origin in.
 */
export type Status = 'connecting' | 'online' | 'offline' | 'unauthorized' | 'forbidden';

/** Which part of the list. */
export type Tab = 'all' | 'unread' | 'archived';

/**
 * A live inbox, for those who draw their own. Fires `change` (the list, a count or the status), `notification` (a new one, as
 * `detail`) and `summary` (several that came at once, as `detail.count`).
 */
export class Client extends EventTarget {
  constructor(options: Options);
  /** The list, newest first, without what is archived. */
  readonly items: Notification[];
  /** What is archived and loaded, newest first. */
  readonly archived: Notification[];
  readonly unread: number;
  readonly unseen: number;
  readonly status: Status;
  /** Why it is so, for whoever reads a log. */
  readonly reason: string;
  /** The last revision of which everything is here. */
  readonly revision: number;
  /** Whether this tab holds the browser's connection. */
  readonly leads: boolean;
  markRead(id: string): void;
  /** It was clicked: it is read, and counted for the comparison of texts. `leaving`: the page is being left. */
  clicked(id: string, leaving?: boolean): void;
  markUnread(id: string): void;
  /** Puts it away; `unarchive` takes it out again as it was. */
  archive(id: string): void;
  unarchive(id: string): void;
  remove(id: string): void;
  markAllRead(): void;
  markAllSeen(): void;
  /** The unread ones, also those that are not loaded; at most 1,000. */
  unreadIds(): Promise<string[]>;
  /** Marks many unread again. */
  restoreUnread(ids: string[]): Promise<void>;
  /** The types that there are, by code, to name the one that is muted. */
  types(): Promise<Map<string, { code: string; name: string; mandatory: boolean }>>;
  /** Uses another token of the same person from now on. */
  useToken(token: string): void;
  /** Fetches a page of the list; answers where the next one starts. */
  loadOlder(cursor: string | null, tab?: Tab): Promise<string | null>;
  preferences(): Promise<Preferences>;
  savePreferences(preferences: Partial<Preferences>): Promise<Preferences>;
  close(): void;
  addEventListener(
    type: 'notification',
    listener: (event: CustomEvent<Notification>) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: 'summary',
    listener: (event: CustomEvent<{ count: number }>) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(type: 'change', listener: (event: Event) => void, options?: boolean | AddEventListenerOptions): void;
}

/** A live inbox. */
export function connect(options: Options): Client;

/**
 * `<lonceng-bell token="…" hub="…" lang="id" theme="dark" badge="unseen" sound desktop placement="bottom-start"
 * toast-position="top-end" max-toasts="3">`; `auth="cookie"` in the place of `token`.
 *
 * Fires `lonceng:notification` for each new notification and `lonceng:action` when one is clicked, before its link is followed;
 * both can be cancelled, with the notification as `detail`. Fires `lonceng:status` when the connection is another than before.
 * All of them bubble.
 */
export class LoncengBell extends HTMLElement {
  readonly client: Client | null;
  /** Gets a token: asked before the first connection, before a token ends, and when one is refused. */
  getToken: (() => Promise<string>) | undefined;
  /** Words of a language that the bell does not speak, or other words than its own. */
  dictionary: Partial<Record<string, string>> | null;
  open(): void;
  close(): void;
}

/** What to watch. */
export interface FeedOptions extends Options {
  /** The feed's name; without one it is every event, for administrators. */
  feed?: string;
  /** Values of one key are alternatives, several keys must all match. */
  filters?: Record<string, string | string[]>;
}

/** What a feed shows of an event. */
export interface FeedMessage {
  type: string;
  feed?: string;
  data: Record<string, unknown>;
  timestamp: string;
  /** It is the state to begin with. */
  snapshot?: true;
}

/**
 * A live feed, for those who draw it themselves. Fires `message` (a `FeedMessage` as `detail`), `change` (the status) and `error`
 * (what the hub did not take, as `detail`).
 */
export class Feed extends EventTarget {
  constructor(options: FeedOptions);
  readonly status: Status;
  /** Watches something else of the feed from now on. */
  filter(filters: Record<string, string | string[]>): void;
  close(): void;
  addEventListener(
    type: 'message',
    listener: (event: CustomEvent<FeedMessage>) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: 'error',
    listener: (event: CustomEvent<{ code: string; message: string }>) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(type: 'change', listener: (event: Event) => void, options?: boolean | AddEventListenerOptions): void;
}

/** A live feed. */
export function connectFeed(options: FeedOptions): Feed;

/**
 * `<lonceng-feed feed="availability" filter-course_id="PIANO-101,PIANO-102">`: without looks of its own. Whatever inside says
 * `data-field="slots_remaining"` shows that field. Fires `lonceng:message`, with a `FeedMessage` as `detail`; one that is
 * cancelled is not shown by the element.
 */
export class LoncengFeed extends HTMLElement {}

declare global {
  interface HTMLElementTagNameMap {
    'lonceng-feed': LoncengFeed;
    'lonceng-bell': LoncengBell;
  }
  interface HTMLElementEventMap {
    'lonceng:notification': CustomEvent<Notification>;
    'lonceng:action': CustomEvent<Notification>;
    'lonceng:status': CustomEvent<{ status: Status; reason: string }>;
    'lonceng:message': CustomEvent<FeedMessage>;
    'lonceng:error': CustomEvent<{ code: string; message: string }>;
  }
}
