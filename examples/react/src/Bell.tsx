import { useEffect, useRef } from 'react';
import type { LoncengBell, Notification } from './lonceng';

interface Props {
  hub: string;
  userId: string;
  onNotification?: (notification: Notification) => void;
}

/** The bell: a custom element, loaded from the hub once. */
export function Bell({ hub, userId, onNotification }: Props) {
  const bell = useRef<LoncengBell>(null);
  useEffect(() => void import(/* @vite-ignore */ `${hub}/lonceng.js`), [hub]);
  useEffect(() => {
    const element = bell.current;
    const tell = (event: CustomEvent<Notification>) => onNotification?.(event.detail);
    element?.addEventListener('lonceng:notification', tell);
    return () => element?.removeEventListener('lonceng:notification', tell);
  }, [onNotification]);
  return <lonceng-bell ref={bell} hub={hub} user-id={userId} />;
}
