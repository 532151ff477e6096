{{- /* A host's name, with room for "-registry" behind it. */}}
{{- define "hubkiln.name" -}}
{{ .Values.fullnameOverride | default (.Release.Name | replace "." "-") | trunc 54 | trimSuffix "-" }}
{{- end }}

{{- define "hubkiln.label" -}}
{{ .Values.nameOverride | default .Chart.Name | trunc 54 | trimSuffix "-" }}
{{- end }}

{{- define "hubkiln.selector" -}}
app.kubernetes.io/name: {{ include "hubkiln.label" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- /* Its pods are not the service's: other policies and Services than theirs must not find them. */}}
{{- define "hubkiln.registrySelector" -}}
app.kubernetes.io/name: {{ include "hubkiln.label" . }}-registry
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "hubkiln.labels" -}}
{{ include "hubkiln.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: jupyterhub
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "hubkiln.image" -}}
{{ .Values.images.service | default (printf "%shubkiln:%s" .Values.images.prefix (.Values.images.tag | default .Chart.AppVersion)) }}
{{- end }}

{{- define "hubkiln.baseImage" -}}
{{ .Values.images.base | default (printf "%shubkiln-base:%s" .Values.images.prefix (.Values.images.tag | default .Chart.AppVersion)) }}
{{- end }}

{{- define "hubkiln.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "hubkiln.name" .) }}
{{- else -}}
{{ .Values.serviceAccount.name | default "default" }}
{{- end -}}
{{- end }}

{{- /* The hub's namespace, its base URL with a slash at both ends, and its REST API. */}}
{{- define "hubkiln.hubNamespace" -}}
{{ .Values.hub.namespace | default .Release.Namespace }}
{{- end }}

{{- define "hubkiln.baseUrl" -}}
{{ printf "/%s/" (trimAll "/" .Values.hub.baseUrl) | replace "//" "/" }}
{{- end }}

{{- define "hubkiln.apiUrl" -}}
{{- $host := eq (include "hubkiln.hubNamespace" .) .Release.Namespace | ternary .Values.hub.name (printf "%s.%s" .Values.hub.name (include "hubkiln.hubNamespace" .)) -}}
{{ .Values.hub.apiUrl | default (printf "http://%s:%v%shub/api" $host .Values.hub.port (include "hubkiln.baseUrl" .)) }}
{{- end }}

{{- /* Where the hub finds the service. */}}
{{- define "hubkiln.url" -}}
{{- $host := eq (include "hubkiln.hubNamespace" .) .Release.Namespace | ternary (include "hubkiln.name" .) (printf "%s.%s" (include "hubkiln.name" .) .Release.Namespace) -}}
http://{{ $host }}{{ ne (int .Values.service.port) 80 | ternary (printf ":%v" .Values.service.port) "" }}
{{- end }}

{{- /* The Secret of the token, and its key. */}}
{{- define "hubkiln.tokenSecret" -}}
{{ .Values.token.create | ternary (printf "%s-token" (include "hubkiln.name" .)) .Values.token.existingSecret }}
{{- end }}

{{- define "hubkiln.tokenKey" -}}
{{- if .Values.token.create -}}
token
{{- else -}}
{{ .Values.token.key | default (printf "hub.services.%s.apiToken" .Values.hub.service) }}
{{- end -}}
{{- end }}

{{- /* The Secret of logins to registries; empty where there is none. */}}
{{- define "hubkiln.registrySecret" -}}
{{ .Values.registry.existingSecret | default (or .Values.registry.internal.enabled (not (empty .Values.registry.logins)) | ternary (printf "%s-registry" (include "hubkiln.name" .)) "") }}
{{- end }}

{{- /* The registry of this chart, as pods and as nodes see it; where images go and come from. */}}
{{- define "hubkiln.registryHost" -}}
{{ printf "%s-registry.%s:5000" (include "hubkiln.name" .) .Release.Namespace }}
{{- end }}

{{- define "hubkiln.push" -}}
{{ .Values.registry.internal.enabled | ternary (printf "%s/env-{name}" (include "hubkiln.registryHost" .)) .Values.registry.push }}
{{- end }}

{{- define "hubkiln.pullFrom" -}}
{{ .Values.registry.internal.enabled | ternary (printf "localhost:%v/env-{name}" .Values.registry.internal.nodePort) .Values.registry.pullFrom }}
{{- end }}

{{- /* What is in .Values.config, and what follows from the rest of the values. */}}
{{- define "hubkiln.settings" -}}
{{- $settings := deepCopy .Values.config -}}
{{- if .Values.registry.internal.enabled -}}
{{- $plain := $settings.plain_http | default list -}}
{{- if kindIs "string" $plain }}{{ $plain = regexSplit "[ ,]+" (trim $plain) -1 }}{{ end -}}
{{- $_ := set $settings "plain_http" (append $plain (include "hubkiln.registryHost" .) | uniq) -}}
{{- end -}}
{{ $settings | toJson }}
{{- end }}

{{- define "hubkiln.hasDatabase" -}}
{{- if or .Values.database.url .Values.database.existingSecret }}yes{{ end -}}
{{- end }}

{{- /* Whether a claim holds the data: it is not shared, so only without a database. */}}
{{- define "hubkiln.hasClaim" -}}
{{- if and .Values.persistence.enabled (not (include "hubkiln.hasDatabase" .)) }}yes{{ end -}}
{{- end }}

{{- /* A setting's value as it is written in a variable. */}}
{{- define "hubkiln.text" -}}
{{- if kindIs "invalid" . -}}
none
{{- else if kindIs "slice" . -}}
{{ join " " . }}
{{- else if kindIs "float64" . -}}
{{ eq . (floor .) | ternary (int64 . | toString) (toString .) }}
{{- else -}}
{{ . | toString }}
{{- end -}}
{{- end }}

{{- /* Labels and annotations, which are texts whatever an admin writes; null takes one away. */}}
{{- define "hubkiln.texts" -}}
{{- range $key, $value := . }}
{{- if not (kindIs "invalid" $value) }}
{{ $key }}: {{ include "hubkiln.text" $value | quote }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Names of Secrets to pull with, written alone or as Kubernetes has them, as Kubernetes has them. */}}
{{- define "hubkiln.secrets" -}}
{{- $named := list -}}
{{- range . }}{{ $named = append $named (kindIs "map" . | ternary . (dict "name" .)) }}{{ end -}}
{{ $named | toJson }}
{{- end }}

{{- /* Networks of `allow_networks`, as a list in JSON: an address alone is one, too. */}}
{{- define "hubkiln.allowedNetworks" -}}
{{- $given := .Values.config.allow_networks | default list -}}
{{- if kindIs "string" $given }}{{ $given = regexSplit "[ ,]+" (trim $given) -1 }}{{ end -}}
{{- $networks := list -}}
{{- range $given }}{{ $networks = append $networks (contains "/" . | ternary . (printf "%s/%s" . (contains ":" . | ternary "128" "32"))) }}{{ end -}}
{{ $networks | toJson }}
{{- end }}

{{- /* The namespace of the pods of steps, and what they have besides what the service gives them. */}}
{{- define "hubkiln.buildNamespace" -}}
{{ .Values.builds.namespace | default .Release.Namespace }}
{{- end }}

{{- define "hubkiln.podTemplate" -}}
{{- $secrets := .Values.builds.pullSecrets -}}
{{- $brought := or .Values.registry.internal.enabled (eq (include "hubkiln.buildNamespace" .) .Release.Namespace) -}}
{{- if and (not $secrets) $brought (include "hubkiln.registrySecret" .) -}}
{{- $secrets = list (include "hubkiln.registrySecret" .) -}}
{{- end -}}
{{- $named := include "hubkiln.secrets" $secrets | fromJsonArray -}}
{{ empty $named | ternary (dict) (dict "imagePullSecrets" $named) | mergeOverwrite (deepCopy (.Values.builds.pods | default dict)) | toJson }}
{{- end }}

{{- /* Rules of egress: public addresses, no private network, nothing link-local (a cloud's metadata), by IPv6 neither. */}}
{{- define "hubkiln.publicAddresses" -}}
- to:
    - ipBlock:
        cidr: 0.0.0.0/0
        except:
          - 0.0.0.0/8
          - 10.0.0.0/8
          - 100.64.0.0/10
          - 127.0.0.0/8
          - 169.254.0.0/16
          - 172.16.0.0/12
          - 192.168.0.0/16
          - 224.0.0.0/3
    - ipBlock:
        cidr: ::/0
        except:
          - ::/96
          - 64:ff9b::/96
          - 64:ff9b:1::/48
          - 2002::/16
          - fc00::/7
          - fe80::/9
          - ff00::/8
{{- end }}
