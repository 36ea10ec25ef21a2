'use client';

import { createElement, forwardRef, useRef, useSyncExternalStore } from 'react';
import type { CSSProperties, ForwardedRef, HTMLAttributes, ReactElement, ReactNode } from 'react';
import type { Client, LoncengBell, Notification, Status } from '@lonceng/client';
import { useBrowserLayoutEffect, useLatest, useLoncengContext } from './provider.js';
import type { Appearance, Dictionary } from './provider.js';

/** Corner or side of a panel or of the toasts. */
export type Placement = 'auto' | 'bottom-start' | 'bottom-end' | 'top-start' | 'top-end';

/** Properties that all elements have. */
export interface ElementProps extends Appearance {
  id?: string;
  className?: string;
  style?: CSSProperties;
  /** Contents of the slots of the element. */
  children?: ReactNode;
  /**
   * A notification was clicked; its link is followed next, unless the event is cancelled with
   * `preventDefault()`, which a page with a router does.
   */
  onAction?: (event: CustomEvent<Notification>) => void;
  /** The status of the connection has changed. */
  onStatus?: (event: CustomEvent<{ status: Status; reason: string }>) => void;
}

/** Properties of `Bell`. */
export interface BellProps extends ElementProps {
  /** Number on the badge: `unread` by default, or only notifications that were never displayed. */
  badge?: 'unread' | 'unseen';
  /** True if new notifications sound, unless the user decides otherwise. */
  sound?: boolean;
  /** True if new notifications are shown on the desktop, unless the user decides otherwise. */
  desktop?: boolean;
  /** Side of the bell on which the panel opens. */
  placement?: Placement;
  /** Corner of the window in which toasts appear. */
  toastPosition?: Exclude<Placement, 'auto'>;
  /** Maximum number of toasts at once; 3 by default. */
  maxToasts?: number;
  /** There is a notification; no toast is shown if the event is cancelled. */
  onNotification?: (event: CustomEvent<Notification>) => void;
}

/** Elements of the client, as far as the wrappers need to know. */
interface ClientElement extends HTMLElement {
  client: Client | null;
  dictionary: Dictionary | null;
}

type Listeners = Pick<BellProps, 'onAction' | 'onStatus' | 'onNotification'>;

/** Bell of the same size as the element, until there is one. */
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

interface HostProps {
  tag: string;
  attributes: Record<string, unknown>;
  common: ElementProps;
  listeners: Listeners;
  forwarded: ForwardedRef<ClientElement>;
}

/** Element of the client. Gives it the connection of the provider before it makes its own. */
function Host({ tag, attributes, common, listeners, forwarded }: HostProps): ReactElement {
  const { store, options, appearance } = useLoncengContext(`<${tag}>`);
  const element = useRef<ClientElement>(null);
  const latest = useLatest(listeners);
  const dictionary = common.dictionary ?? appearance.dictionary ?? null;
  useBrowserLayoutEffect(() => {
    if (element.current) element.current.dictionary = dictionary;
  }, [dictionary]);
  useBrowserLayoutEffect(() => {
    if (element.current) element.current.client = store.configure(options);
  }, [store, options]);
  useBrowserLayoutEffect(() => {
    const target = element.current;
    if (!target) return;
    const listening = new AbortController();
    const { signal } = listening;
    target.addEventListener('lonceng:action', (e) => latest.current.onAction?.(e), { signal });
    target.addEventListener('lonceng:status', (e) => latest.current.onStatus?.(e), { signal });
    target.addEventListener('lonceng:notification', (e) => latest.current.onNotification?.(e), {
      signal,
    });
    return () => listening.abort();
  }, [latest]);
  useBrowserLayoutEffect(() => {
    assign(forwarded, element.current);
    return () => assign(forwarded, null);
  }, [forwarded]);
  const props: HTMLAttributes<HTMLElement> & Record<string, unknown> = {
    ...attributes,
    ref: element,
    id: common.id,
    // React 18 knows no `className` of custom elements.
    class: common.className,
    style: common.style,
    lang: common.lang ?? appearance.lang,
    theme: common.theme ?? appearance.theme,
  };
  return createElement(tag, props, common.children);
}

/** The bell with its badge, panel and toasts. */
export const Bell = forwardRef<LoncengBell, BellProps>(function Bell(props, ref) {
  const { badge, sound, desktop, placement, toastPosition, maxToasts, ...common } = props;
  if (!useIsInBrowser()) return <span aria-hidden="true" style={BELL_PLACE} />;
  const attributes = {
    badge,
    placement,
    'toast-position': toastPosition,
    'max-toasts': maxToasts,
    sound: sound ? '' : undefined,
    desktop: desktop ? '' : undefined,
  };
  return (
    <Host
      tag="lonceng-bell"
      attributes={attributes}
      common={common}
      listeners={props}
      forwarded={ref as ForwardedRef<ClientElement>}
    />
  );
});
