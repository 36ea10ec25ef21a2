'use client';

import { createElement, forwardRef, useRef, useSyncExternalStore } from 'react';
import type { CSSProperties, ForwardedRef, HTMLAttributes, ReactElement, ReactNode } from 'react';
import type {
  Client,
  LoncengBell,
  LoncengInbox,
  LoncengPreferences,
  LoncengToasts,
  Notification,
  RenderItem,
  Status,
} from '@lonceng/client';
import { useBrowserLayoutEffect, useLatest, useLoncengContext } from './provider.js';
import type { Appearance, Dictionary } from './provider.js';

/** Corner or side of a panel or of the toasts. */
export type Placement = 'auto' | 'bottom-start' | 'bottom-end' | 'top-start' | 'top-end';

/** Click on a notification, with the index of the chosen action, if any, and the link. */
export type ActionEvent = CustomEvent<Notification> & { action?: number; url: string | null };

/** Change of the connection. */
export type StatusEvent = CustomEvent<{ status: Status; reason: string }>;

/** Properties that all elements have. */
export interface ElementProps extends Appearance {
  id?: string;
  className?: string;
  style?: CSSProperties;
  /** Contents of the slots of the element. */
  children?: ReactNode;
  /** There is a notification; no toast is shown if the event is cancelled. */
  onNotification?: (event: CustomEvent<Notification>) => void;
  /**
   * A notification was clicked; its link is followed next, unless the event is cancelled with
   * `preventDefault()`, which a page with a router does.
   */
  onAction?: (event: ActionEvent) => void;
  /** The status of the connection has changed. */
  onStatus?: (event: StatusEvent) => void;
}

/** Properties of `Toasts`. */
export interface ToastsProps extends ElementProps {
  /** True if new notifications sound, unless the user decides otherwise. */
  sound?: boolean;
  /** True if new notifications are shown on the desktop, unless the user decides otherwise. */
  desktop?: boolean;
  /** Corner of the window in which toasts appear. */
  toastPosition?: Exclude<Placement, 'auto'>;
  /** Maximum number of toasts at once; 3 by default. */
  maxToasts?: number;
}

/** Properties of `Inbox`. */
export interface InboxProps extends ElementProps {
  /** Returns the row of a notification as a DOM element; null for the built-in row. */
  renderItem?: RenderItem;
}

/** Properties of `Bell`. */
export interface BellProps extends ToastsProps, InboxProps {
  /** Number on the badge: `unread` by default, or only notifications that were never displayed. */
  badge?: 'unread' | 'unseen';
  /** Side of the bell on which the panel opens. */
  placement?: Placement;
  /** True if the title of the page shows the number. */
  titleBadge?: boolean;
  /** True if the icon of the page shows the number. */
  faviconBadge?: boolean;
  /** True if the icon of an installed application shows the number. */
  appBadge?: boolean;
}

/** Properties of `Preferences`. */
export type PreferencesProps = ElementProps;

/** Elements of the client, as far as the wrappers need to know. */
interface ClientElement extends HTMLElement {
  client: Client | null;
  dictionary: Dictionary | null;
  renderItem?: RenderItem | null;
}

/** Size of the bell, which a server leaves free for it. */
const BELL_PLACE: CSSProperties = { display: 'inline-block', width: 40, height: 40 };

const never = () => () => {};

/** Returns false on a server and while its markup is hydrated. */
function useIsInBrowser(): boolean {
  return useSyncExternalStore(
    never,
    () => true,
    () => false,
  );
}

/** Sets a ref of the caller. */
function assign<E>(ref: ForwardedRef<E>, element: E | null) {
  if (typeof ref === 'function') ref(element);
  else if (ref) ref.current = element;
}

interface HostProps<E> {
  tag: string;
  /** Attributes that only this element has. */
  attributes?: Record<string, string | number | undefined>;
  props: InboxProps;
  forwarded: ForwardedRef<E>;
}

/** Listens to the events of an element. */
function useEvents(element: { readonly current: HTMLElement | null }, props: ElementProps) {
  const latest = useLatest(props);
  useBrowserLayoutEffect(() => {
    const listening = new AbortController();
    const { signal } = listening;
    const target = element.current;
    target?.addEventListener('lonceng:action', (e) => latest.current.onAction?.(e), { signal });
    target?.addEventListener('lonceng:status', (e) => latest.current.onStatus?.(e), { signal });
    target?.addEventListener(
      'lonceng:notification',
      (event) => latest.current.onNotification?.(event),
      { signal },
    );
    return () => listening.abort();
  }, [element, latest]);
}

/** Element of the client. Gives it the connection of the provider before it makes its own. */
function Host<E>({ tag, attributes, props, forwarded }: HostProps<E>): ReactElement {
  const { store, options, appearance } = useLoncengContext(`<${tag}>`);
  const element = useRef<ClientElement>(null);
  const dictionary = props.dictionary ?? appearance.dictionary ?? null;
  const renderItem = props.renderItem ?? null;
  useEvents(element, props);
  useBrowserLayoutEffect(() => {
    if (element.current) element.current.dictionary = dictionary;
  }, [dictionary]);
  useBrowserLayoutEffect(() => {
    const target = element.current;
    if (target && (target.renderItem ?? null) !== renderItem) target.renderItem = renderItem;
  }, [renderItem]);
  useBrowserLayoutEffect(() => {
    if (element.current) element.current.client = store.configure(options);
  }, [store, options]);
  useBrowserLayoutEffect(() => {
    assign(forwarded, element.current as E | null);
    return () => assign(forwarded, null);
  }, [forwarded]);
  const all: HTMLAttributes<HTMLElement> & Record<string, unknown> = {
    ...attributes,
    ref: element,
    id: props.id,
    // React 18 knows no `className` of custom elements.
    class: props.className,
    style: props.style,
    lang: props.lang ?? appearance.lang,
    theme: props.theme ?? appearance.theme,
  };
  return createElement(tag, all, props.children);
}

/** Value of an attribute that is there or not. */
const flag = (set: boolean | undefined) => (set ? '' : undefined);

const toastAttributes = ({ sound, desktop, toastPosition, maxToasts }: ToastsProps) => ({
  'toast-position': toastPosition,
  'max-toasts': maxToasts,
  sound: flag(sound),
  desktop: flag(desktop),
});

/** The bell with its badge, panel and toasts. */
export const Bell = forwardRef<LoncengBell, BellProps>(function Bell(props, ref) {
  if (!useIsInBrowser()) return <span aria-hidden="true" style={BELL_PLACE} />;
  const attributes = {
    ...toastAttributes(props),
    badge: props.badge,
    placement: props.placement,
    'title-badge': flag(props.titleBadge),
    'favicon-badge': flag(props.faviconBadge),
    'app-badge': flag(props.appBadge),
  };
  return <Host tag="lonceng-bell" attributes={attributes} props={props} forwarded={ref} />;
});

/** The list without the bell, for a page of its own. It fills its container. */
export const Inbox = forwardRef<LoncengInbox, InboxProps>(function Inbox(props, ref) {
  return useIsInBrowser() ? <Host tag="lonceng-inbox" props={props} forwarded={ref} /> : null;
});

/** The toasts alone. A bell of the same provider shows none then. */
export const Toasts = forwardRef<LoncengToasts, ToastsProps>(function Toasts(props, ref) {
  const attributes = toastAttributes(props);
  if (!useIsInBrowser()) return null;
  return <Host tag="lonceng-toasts" attributes={attributes} props={props} forwarded={ref} />;
});

/** The settings of the user alone. */
export const Preferences = forwardRef<LoncengPreferences, PreferencesProps>(
  function Preferences(props, ref) {
    if (!useIsInBrowser()) return null;
    return <Host tag="lonceng-preferences" props={props} forwarded={ref} />;
  },
);
