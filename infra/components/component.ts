import * as pulumi from '@pulumi/pulumi';
import type { Component } from '../kubernetes/manifest.ts';
import type { Settings } from '../settings/index.ts';
import type { Credentials } from './credentials.ts';
import { objectsOf } from './object-builders.ts';
import { register, type Scope } from './register.ts';

/** How a component is made. */
export interface ComponentOptions extends Scope {
  /** Components that must be there first. */
  readonly after: readonly RegisteredComponent[];
  /** The cluster. */
  readonly provider: pulumi.ProviderResource;
}

/** The thin side of every component: registers a component's objects as its children. */
export class RegisteredComponent extends pulumi.ComponentResource {
  /**
   * @param component the objects that it consists of
   */
  constructor(component: Component, settings: Settings, credentials: Credentials, options: ComponentOptions) {
    const { prefix, provider, parent } = options;
    super(
      'simple378:infra:Component',
      `${prefix}${component.name}`,
      {},
      { dependsOn: [...options.after], ...(parent ? { parent } : {}) },
    );
    for (const object of objectsOf(
      component,
      settings,
      (file) => credentials.file(file),
      credentials.authority,
    ))
      register(object, settings, prefix, { parent: this, provider });
    this.registerOutputs({});
  }
}
