{{- define "email.name" -}}
{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- end }}

{{/* Of (dict "root" $ "role" "send"): what never changes, so it may select. */}}
{{- define "email.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .role }}
{{- end }}

{{/* Of (dict "root" $ "role" "send"). */}}
{{- define "email.labels" -}}
{{ include "email.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "email.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "email.secretName" -}}
{{ .Values.secrets.existing | default (include "email.name" .) }}
{{- end }}

{{- define "email.migrationSecretName" -}}
{{ .Values.migration.secret.existing | default (printf "%s-migrate" (include "email.name" .)) }}
{{- end }}

{{- define "email.serviceAccountName" -}}
{{ .Values.serviceAccount.name | default (include "email.name" .) }}
{{- end }}

{{- define "email.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "email.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* Of (dict "remote" "..." "property" "..."). */}}
{{- define "email.remoteRef" -}}
key: {{ .remote | quote }}
{{- with .property }}
property: {{ . | quote }}
{{- end }}
{{- end }}
