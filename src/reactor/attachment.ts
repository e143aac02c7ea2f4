import type { Driver } from './options.js';
import type { Reactor } from './reactor.js';

/** Makes a driver in Node's loop the reactor's. */
export function attach(reactor: Reactor, driver: Driver, onWork: () => void): void {
  reactor.driver = driver;
  reactor.onWork = onWork;
}

/** Undoes `attach`, unless another driver has taken over. */
export function detach(reactor: Reactor, driver: Driver, onWork: () => void): void {
  if (reactor.driver === driver) reactor.driver = null;
  if (reactor.onWork === onWork) reactor.onWork = null;
}
