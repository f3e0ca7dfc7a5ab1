/** What VS Code calls: registers everything when a session of ours begins. */
import * as vscode from 'vscode';
import { DEBUG_TYPE } from './manifest.ts';
import { AdapterFactory } from './adapter-factory.ts';
import { ConfigurationProvider, DynamicConfigurations } from './configurations.ts';
import { KernelBuildTasks } from './build-task.ts';
import { registerProfiles } from './profiles.ts';
import { registerViews } from './views/kernel-views.ts';

export function activate(context: vscode.ExtensionContext): void {
  context.subscriptions.push(
    vscode.debug.registerDebugAdapterDescriptorFactory(DEBUG_TYPE, new AdapterFactory(context)),
    vscode.debug.registerDebugConfigurationProvider(DEBUG_TYPE, new ConfigurationProvider()),
    vscode.debug.registerDebugConfigurationProvider(DEBUG_TYPE, new DynamicConfigurations(), vscode.DebugConfigurationProviderTriggerKind.Dynamic),
    vscode.tasks.registerTaskProvider('skas', new KernelBuildTasks()),
    ...registerViews(),
    ...registerProfiles(),
  );
}
