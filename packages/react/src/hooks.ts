'use client';

import { useCallback, useEffect, useMemo, useSyncExternalStore } from 'react';
import type { Client, Filter, Notification } from '@lonceng/client';
import { useLatest, useLoncengContext } from './provider.js';
import { INITIAL_PAGE, INITIAL_STATE, NO_ITEMS } from './store.js';
import type { InboxState } from './store.js';

/**
 * Selection of `useInbox`: a tab, by default all notifications that are neither archived nor
 * snoozed; a category; and a text in the title or the message.
 */
export type UseInboxOptions = Partial<Filter>;

/** Inbox of the user, and functions that change it. The functions stay the same. */
export interface InboxResult extends InboxState {
  /** Loaded notifications of the selection, newest first. */
  readonly items: readonly Notification[];
  /** True while a page is being loaded. */
  readonly isLoading: boolean;
  /** True once the first page is loaded. Before that, an empty list may be incomplete. */
  readonly isLoaded: boolean;
  /** True if `loadMore` has older notifications to load. */
  readonly hasMore: boolean;
  /** Error of the last attempt to load; null if it succeeded. */
  readonly error: Error | null;
  /** Loads the next page; after an error, the same page again. */
  loadMore: () => Promise<void>;
  /** Marks a notification as read. */
  markRead: (id: string) => void;
  /** Marks a notification as unread. */
  markUnread: (id: string) => void;
  /** Marks all notifications as read, also those that are not loaded. */
  markAllRead: () => void;
  /** Marks all notifications as seen: the user has had them displayed. */
  markAllSeen: () => void;
  /** Records a click, which marks the notification as read. */
  clicked: Client['clicked'];
  /** Moves a notification to the archive. */
  archive: (id: string) => void;
  /** Takes a notification out of the archive, with its earlier status. */
  unarchive: (id: string) => void;
  /** Takes a notification out of the list until a time. */
  snooze: (id: string, until: Date) => void;
  /** Ends a snooze: the notification is unread again. */
  unsnooze: (id: string) => void;
  /** Deletes a notification. */
  remove: (id: string) => void;
}

/**
 * Returns the live inbox for everything that the hooks do not cover; null before the connection and
 * on a server.
 */
export function useClient(): Client | null {
  const { store } = useLoncengContext('useClient()');
  return useSyncExternalStore(store.subscribe, store.getClient, () => null);
}

/** Returns the inbox. Loads its first page when the connection is there. */
export function useInbox({ tab = 'all', category, q }: UseInboxOptions = {}): InboxResult {
  const { store } = useLoncengContext('useInbox()');
  const filter = useMemo(() => ({ tab, category, q }), [tab, category, q]);
  const items = useSyncExternalStore(
    store.subscribe,
    () => store.getItems(filter),
    () => NO_ITEMS,
  );
  const state = useSyncExternalStore(store.subscribe, store.getState, () => INITIAL_STATE);
  const page = useSyncExternalStore(
    store.subscribe,
    () => store.getPage(filter),
    () => INITIAL_PAGE,
  );
  const isOnline = state.status === 'online';
  const { isLoaded } = page;
  useEffect(() => {
    if (isOnline && !isLoaded) void store.loadFirst(filter);
  }, [store, filter, isOnline, isLoaded]);
  const actions = useMemo(() => {
    const client = () => store.getClient();
    return {
      markRead: (id: string) => client()?.markRead(id),
      markUnread: (id: string) => client()?.markUnread(id),
      markAllRead: () => client()?.markAllRead(),
      markAllSeen: () => client()?.markAllSeen(),
      clicked: (...click: Parameters<Client['clicked']>) => client()?.clicked(...click),
      archive: (id: string) => client()?.archive(id),
      unarchive: (id: string) => client()?.unarchive(id),
      snooze: (id: string, until: Date) => client()?.snooze(id, until),
      unsnooze: (id: string) => client()?.unsnooze(id),
      remove: (id: string) => client()?.remove(id),
    };
  }, [store]);
  const loadMore = useCallback(() => store.load(filter), [store, filter]);
  return useMemo(() => {
    const { unread, unseen, status, reason } = state;
    const { hasMore, isLoading, isLoaded, error } = page;
    return {
      items,
      ...{ unread, unseen, status, reason },
      ...{ hasMore, isLoading, isLoaded, error },
      loadMore,
      ...actions,
    };
  }, [items, state, page, loadMore, actions]);
}

/** Returns the number of unread notifications. Renders only when it changes. */
export function useUnread(): number {
  const { store } = useLoncengContext('useUnread()');
  return useSyncExternalStore(
    store.subscribe,
    () => store.getState().unread,
    () => 0,
  );
}

/**
 * Calls back for each notification that is new, back from a snooze, or grown by another event of
 * its group.
 */
export function useNotification(callback: (notification: Notification) => void): void {
  const client = useClient();
  const latest = useLatest(callback);
  useEffect(() => {
    const tell = (event: CustomEvent<Notification>) => latest.current(event.detail);
    client?.addEventListener('notification', tell);
    return () => client?.removeEventListener('notification', tell as EventListener);
  }, [client, latest]);
}
