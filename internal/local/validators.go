package local

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/apigateway/types"
)

// WireValidators adds the request validators of a CloudFormation stack, which the emulator drops:
// without them every body passes. It attaches one to each method that has none: for the body if the
// method has models, for the parameters if it requires any. A second call changes nothing. (A
// method that has a model but no validator on purpose gets one too: the emulator does not tell the
// two apart.)
func WireValidators(ctx context.Context, cfg aws.Config, restAPIID string) error {
	client := apigateway.NewFromConfig(cfg)
	failed := func(err error) error {
		return fmt.Errorf("add the request validators of API %s: %w", restAPIID, err)
	}
	have, err := client.GetRequestValidators(ctx, &apigateway.GetRequestValidatorsInput{
		RestApiId: &restAPIID,
	})
	if err != nil {
		return failed(err)
	}
	known := map[string]bool{}   // by id
	named := map[string]string{} // name → id
	for _, validator := range have.Items {
		known[aws.ToString(validator.Id)] = true
		named[aws.ToString(validator.Name)] = aws.ToString(validator.Id)
	}
	resources := apigateway.NewGetResourcesPaginator(client, &apigateway.GetResourcesInput{
		RestApiId: &restAPIID, Embed: []string{"methods"},
	})
	for resources.HasMorePages() {
		page, err := resources.NextPage(ctx)
		if err != nil {
			return failed(err)
		}
		for _, resource := range page.Items {
			for verb := range resource.ResourceMethods {
				method, err := client.GetMethod(ctx, &apigateway.GetMethodInput{
					RestApiId: &restAPIID, ResourceId: resource.Id, HttpMethod: &verb,
				})
				if err != nil {
					return failed(err)
				}
				body, parameters := len(method.RequestModels) > 0, anyRequired(method.RequestParameters)
				if known[aws.ToString(method.RequestValidatorId)] || !body && !parameters {
					continue
				}
				name := fmt.Sprintf("wired-body-%t-parameters-%t", body, parameters)
				if named[name] == "" {
					validator, err := client.CreateRequestValidator(ctx, &apigateway.CreateRequestValidatorInput{
						RestApiId: &restAPIID, Name: &name,
						ValidateRequestBody: body, ValidateRequestParameters: parameters,
					})
					if err != nil {
						return failed(err)
					}
					named[name] = aws.ToString(validator.Id)
				}
				if _, err := client.UpdateMethod(ctx, &apigateway.UpdateMethodInput{
					RestApiId: &restAPIID, ResourceId: resource.Id, HttpMethod: &verb,
					PatchOperations: []types.PatchOperation{{
						Op: types.OpReplace, Path: aws.String("/requestValidatorId"),
						Value: aws.String(named[name]),
					}},
				}); err != nil {
					return failed(err)
				}
			}
		}
	}
	return nil
}

func anyRequired(parameters map[string]bool) bool {
	for _, required := range parameters {
		if required {
			return true
		}
	}
	return false
}
