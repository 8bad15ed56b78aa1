{{- define "email.name" -}}
{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- end }}

{{/* What all pods of the release have, and no other's. */}}
{{- define "email.releaseSelector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Of (dict "root" $ "role" "send"): what never changes, so it may select. */}}
{{- define "email.selector" -}}
{{ include "email.releaseSelector" .root }}
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

{{/* Of (dict "root" $ "aws" true). */}}
{{- define "email.serviceAccountName" -}}
{{- if .aws -}}
{{ .root.Values.serviceAccount.aws.name | default (printf "%s-aws" (include "email.name" .root)) }}
{{- else -}}
{{ .root.Values.serviceAccount.name | default (include "email.name" .root) }}
{{- end -}}
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

{{/* Where a pod runs, whatever its role. */}}
{{- define "email.placement" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Of (dict "remote" "..." "property" "..."). */}}
{{- define "email.remoteRef" -}}
key: {{ .remote | quote }}
{{- with .property }}
property: {{ . | quote }}
{{- end }}
{{- end }}

{{/* Of (dict "role" "send" "spec" .Values.roles.send): none, hpa or keda. The bounds are compared here: a schema cannot. */}}
{{- define "email.scaledBy" -}}
{{- $scaling := .spec.scaling | default dict }}
{{- $by := $scaling.by | default "none" }}
{{- if and (ne $by "none") (gt (int $scaling.min) (int $scaling.max)) }}
{{- fail (printf "roles.%s.scaling: min is %v and max is %v" .role $scaling.min $scaling.max) }}
{{- end }}
{{- $by }}
{{- end }}
