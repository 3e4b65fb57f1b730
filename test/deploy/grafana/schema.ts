// What a dashboard of ours may have: Grafana's own types, narrowed to the panels, queries and variables that we use, so
// that a field that Grafana does not know is an error and not passed over.
import type * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import type * as common from '@grafana/grafana-foundation-sdk/common';
import type * as prometheus from '@grafana/grafana-foundation-sdk/prometheus';
import type * as stat from '@grafana/grafana-foundation-sdk/stat';
import type * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';

// Plain is a type as it is in JSON, where the values of a string enum are strings.
type Plain<T> = T extends string ? `${T}` : T extends (infer E)[] ? Plain<E>[] : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;

type Query = Required<Pick<prometheus.Dataquery, 'refId' | 'expr' | 'datasource' | 'range' | 'instant'>> &
  Omit<prometheus.Dataquery, '_implementsDataqueryVariant'>;

// Every panel has a title, a place, and a unit.
interface Fields<Custom> {
  defaults: Omit<dashboard.FieldConfig, 'custom' | 'unit'> & { unit: string; custom?: Custom };
  overrides: never[];
}
interface Shown<Type extends string, Options, Custom>
  extends Omit<dashboard.Panel, 'type' | 'id' | 'title' | 'datasource' | 'gridPos' | 'options' | 'targets' | 'fieldConfig'> {
  type: Type;
  id: number;
  title: string;
  datasource: common.DataSourceRef;
  gridPos: dashboard.GridPos;
  options: Options;
  targets: Query[];
  fieldConfig: Fields<Custom>;
}
type Panel = Shown<'timeseries', timeseries.Options, timeseries.FieldConfig> | Shown<'stat', stat.Options, never> | dashboard.RowPanel;

export type Dashboard = Plain<
  Omit<dashboard.Dashboard, 'panels' | 'uid' | 'title'> & { uid: string; title: string; panels: Panel[] }
>;
