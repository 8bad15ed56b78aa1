{{/* Whose metrics these are: names of partitions come again in each infrastructure. */}}
{{- define "email.partition" -}}
{{ .Values.environment.EMAIL_INFRASTRUCTURE }}-{{ .Values.environment.EMAIL_PARTITION }}
{{- end }}

{{/* Of (dict "root" $ "role" "scrape"): with what the operator of Prometheus selects by. */}}
{{- define "email.monitoringLabels" -}}
{{ include "email.labels" . }}
{{- with .root.Values.monitoring.labels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Of $: on every sample, so that rules and the dashboard find their partition. */}}
{{- define "email.scrape" -}}
interval: {{ .Values.monitoring.scrape.interval }}
scrapeTimeout: {{ .Values.monitoring.scrape.timeout }}
relabelings:
  - {targetLabel: partition, replacement: {{ include "email.partition" . | quote }}}
{{- end }}

{{/* Of (dict "rule" rule "change" what monitoring.alerts.changes has for it): the rule, with its threshold exchanged. */}}
{{- define "email.changedAlert" -}}
{{- $rule := deepCopy .rule -}}
{{- with .change -}}
{{- if hasKey . "for" }}{{ $_ := set $rule "for" .for }}{{ end -}}
{{- if hasKey . "severity" }}{{ $_ := set $rule.labels "severity" .severity }}{{ end -}}
{{- if hasKey . "threshold" -}}
{{- $old := required (printf "monitoring.alerts.changes.%s: this alert has no threshold" $rule.alert) $rule.annotations.threshold -}}
{{- $new := toString .threshold -}}
{{- $_ := set $rule "expr" (regexReplaceAll (printf "(> )%s\\b" (regexQuoteMeta $old)) $rule.expr (printf "${1}%s" $new)) -}}
{{- $_ := set $rule.annotations "threshold" $new -}}
{{- end -}}
{{- end -}}
{{- toYaml $rule -}}
{{- end }}
