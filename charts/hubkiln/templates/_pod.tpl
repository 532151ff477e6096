{{- /* Parts of pods. They are what Pod Security's "restricted" asks for, and no more is ever needed. */}}
{{- define "hubkiln.podSecurity" -}}
runAsNonRoot: true
runAsUser: 1000
runAsGroup: 1000
fsGroup: 1000
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "hubkiln.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "hubkiln.env" -}}
- name: HOME
  value: /tmp
- name: JUPYTERHUB_SERVICE_NAME
  value: {{ .Values.hub.service | quote }}
- name: JUPYTERHUB_SERVICE_URL
  value: http://{{ .Values.listen }}:8585
- name: JUPYTERHUB_SERVICE_PREFIX
  value: {{ include "hubkiln.baseUrl" . }}services/{{ .Values.hub.service }}/
- name: JUPYTERHUB_API_URL
  value: {{ include "hubkiln.apiUrl" . }}
- name: JUPYTERHUB_API_TOKEN
  valueFrom:
    secretKeyRef:
      name: {{ include "hubkiln.tokenSecret" . }}
      key: {{ include "hubkiln.tokenKey" . }}
{{- with .Values.hub.publicUrl }}
- name: JUPYTERHUB_PUBLIC_HUB_URL
  value: {{ . | quote }}
{{- end }}
- name: HUBKILN_DATA_DIR
  value: /var/lib/hubkiln
- name: HUBKILN_BASE_IMAGE
  value: {{ include "hubkiln.baseImage" . }}
- name: HUBKILN_PUSH
  value: {{ include "hubkiln.push" . | quote }}
{{- with include "hubkiln.pullFrom" . }}
- name: HUBKILN_PULL_FROM
  value: {{ . | quote }}
{{- end }}
{{- if include "hubkiln.registrySecret" . }}
- name: DOCKER_CONFIG
  value: /etc/hubkiln/registry
{{- end }}
{{- if .Values.database.url }}
- name: HUBKILN_DATABASE
  value: {{ .Values.database.url | quote }}
{{- else if .Values.database.existingSecret }}
- name: HUBKILN_DATABASE
  valueFrom:
    secretKeyRef:
      name: {{ .Values.database.existingSecret }}
      key: {{ .Values.database.key }}
{{- end }}
{{- if eq .Values.builds.mode "pods" }}
- name: HUBKILN_STEPS_IN
  value: pods
- name: HUBKILN_PODS_NAMESPACE
  value: {{ include "hubkiln.buildNamespace" . }}
- name: HUBKILN_PODS_ADDRESS
  value: {{ printf "%s.%s:%v" (include "hubkiln.name" .) .Release.Namespace .Values.builds.port | quote }}
- name: HUBKILN_PODS_PORT
  value: {{ .Values.builds.port | quote }}
- name: HUBKILN_PODS_ROOT
  value: {{ .Values.builds.root | ternary "yes" "no" | quote }}
- name: HUBKILN_PODS_TEMPLATE
  value: /etc/hubkiln/steps/template.json
{{- with .Values.builds.image }}
- name: HUBKILN_PODS_IMAGE
  value: {{ . | quote }}
{{- end }}
{{- end }}
{{- range $setting, $value := include "hubkiln.settings" . | fromJson }}
- name: HUBKILN_{{ $setting | upper }}
  value: {{ include "hubkiln.text" $value | quote }}
{{- end }}
{{- range $setting, $from := .Values.configFiles }}
- name: HUBKILN_{{ $setting | upper }}
  value: /etc/hubkiln/files/{{ $setting }}/file
{{- end }}
{{- range $name, $value := .Values.extraEnv }}
{{- if not (kindIs "invalid" $value) }}
- name: {{ $name }}
  {{- if kindIs "map" $value }}
  {{- toYaml $value | nindent 2 }}
  {{- else }}
  value: {{ include "hubkiln.text" $value | quote }}
  {{- end }}
{{- end }}
{{- end }}
{{- end }}
