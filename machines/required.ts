/** Placeholders for what the composition root passes in with `machine.provide`. */
import { fromCallback, fromPromise, type AnyEventObject } from 'xstate';
import { notProvided } from '../src/core/required.ts';

/** An actor that gives one answer. */
export function requiredActor<TOutput, TInput>(name: string) {
  return fromPromise<TOutput, TInput>(async () => {
    throw notProvided('actor', name);
  });
}

/** An actor that sends events for as long as it is invoked. */
export function requiredSource<TEvent extends AnyEventObject, TInput extends object>(name: string) {
  return fromCallback<TEvent, TInput>(() => {
    throw notProvided('actor', name);
  });
}

/** An action. `params` is what the chart passes. */
export function requiredAction<TParams>(name: string) {
  return (_scope: unknown, _params: TParams): void => {
    throw notProvided('action', name);
  };
}

/** Rings at a monotonic reading. Its output is the reading at which it rang. */
export const requiredAlarm = () => requiredActor<{ atMs: number }, { atMs: number }>('alarm');
